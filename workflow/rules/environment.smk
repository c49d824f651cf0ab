"""What every rule shares: the `inpaint` command of this installation, and where the dataset is."""

import os
import sys

from inpainting.baselines.settings import FillSettings

# Jobs find `inpaint` beside the Python that runs Snakemake, whether or not its environment is activated.
os.environ.update(
    PATH=os.path.dirname(sys.executable)
    + os.pathsep
    + os.environ.get("PATH", os.defpath)
)

DATASET = settings.dataset.root or "results/dataset/sample"
GPUS = 0 if settings.model.device == "cpu" else 1
MODEL, MASKS, WINDOWS = (
    part.to_options() for part in (settings.model, settings.masks, settings.windows)
)
FILL = settings.training.section(FillSettings).to_options()


wildcard_constraints:
    experiment="[A-Za-z0-9_.-]+",
    method="[a-z_]+",
    step=r"\d+",
