"""What every rule shares: the `inpaint` command of this installation, where the dataset is, and the model's options.

Snakemake repeats a job when its parameters change, but for those that are functions of `threads`: so `execution`, the
options that only say how fast a result comes, is one. Before it repeats a job it deletes the outputs, a directory() with
all that is in it; what a job keeps, so as not to make again what has not changed, lies beside them, undeclared.
"""

import os
import sys

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role

# Jobs find `inpaint` beside the Python that runs Snakemake, whether or not its environment is activated.
os.environ.update(
    PATH=os.path.dirname(sys.executable)
    + os.pathsep
    + os.environ.get("PATH", os.defpath)
)

DATASET = settings.dataset.root or "results/dataset/sample"
GPUS = 0 if settings.model.device == "cpu" else 1
TRACKED = [role for role in Role if role is not Role.EXECUTION]
MODEL = settings.model.to_options(*TRACKED)
DEVICE = settings.model.to_options(Role.EXECUTION)
MASKS, WINDOWS = settings.masks.to_options(), settings.windows.to_options()
FILL = settings.training.section(FillSettings).to_options()


wildcard_constraints:
    experiment="[A-Za-z0-9_.-]+",
    method="[a-z_]+",
    step=r"\d+",
