"""What the rules share: the `inpaint` command of this installation, the dataset's folder, the base, options of several steps.

Snakemake repeats a job when one of its parameters changes, unless that parameter is a function of `threads`.
`execution`, the options that change the speed but not the result, is therefore such a function. Before Snakemake
repeats a job, it deletes the job's outputs, including the contents of a directory(). Files that let a job skip
unchanged work (caches, checkpoints) are therefore stored beside the outputs and not declared as outputs.
"""

import os
import sys

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role
from inpainting.models.settings import (
    FetchCommand,
    ModelSettings,
    TransformerSettings,
)
from inpainting.planning.host_memory import HostMemory

# Jobs find `inpaint` beside the Python that runs Snakemake, whether or not its environment is activated.
os.environ.update(
    PATH=os.path.dirname(sys.executable)
    + os.pathsep
    + os.environ.get("PATH", os.defpath)
)

DATASET = settings.dataset.root or "results/dataset/sample"
MEMORY = HostMemory.of(
    settings
)  # of the jobs that hold sequences or the model; each retry asks for as much more
GPUS = 0 if settings.model.device == "cpu" else 1
TRACKED = [role for role in Role if role is not Role.EXECUTION]
# A base that is no folder is downloaded once, before any job that loads it.
BASE = [] if os.path.isdir(settings.model.base) else ["results/base.txt"]
# Options of the steps that inpaint. The others do not take all of them.
MODEL = settings.model.to_options(*TRACKED)
DEVICE = settings.model.to_options(Role.EXECUTION)
PLAIN, TRAINED = (
    settings.model.section(ModelSettings),
    settings.model.section(TransformerSettings),
)
# The names of a sequence's folders go wherever the dataset goes; default names are no options, and repeat nothing.
NAMES_OF_FOLDERS = settings.dataset.folder_options()
MASKS, WINDOWS = (
    f"{settings.masks.to_options()} {NAMES_OF_FOLDERS}".strip(),
    settings.windows.to_options(),
)
FILL = settings.training.section(FillSettings).to_options()

# SIGTERM, SIGUSR1 and Ctrl-C reach every process of a job. The shell and `tee` must outlive `inpaint`, which saves its
# work and logs that it did. (`tee -i` ignores Ctrl-C alone.)
shell.prefix(
    "set -euo pipefail; trap : TERM USR1;"
    " tee() {{ trap '' INT TERM USR1; exec tee \"$@\"; }}; "
)


def verbatim(value):
    """A parameter with exactly this value: Snakemake replaces {word} in parameters that are strings, not functions."""
    return lambda wildcards: value


def tracked_inputs(paths):
    """These paths as inputs, without those that contain a brace: Snakemake would take {word} for a wildcard."""
    return [str(path) for path in paths if "{" not in str(path)]


wildcard_constraints:
    experiment="[A-Za-z0-9_.-]+",
    method="[a-z_]+",
    step=r"\d+",
