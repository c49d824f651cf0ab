"""Settings of `inpaint plan` and `inpaint doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from inpainting.core.settings import Role, Settings, Size
from inpainting.planning.cards import CARDS

if TYPE_CHECKING:
    CardName = str
else:
    CardName = Literal[tuple(CARDS)]


class PlanCommand(Settings):
    """Print what a run will cost: jobs, disk, GPU memory and hours. Nothing is computed and no frame is opened."""

    configfile: Path = Path("config/config.yaml")
    """The configuration, as `snakemake --configfile` takes it."""
    sequences: int | None = Field(None, ge=3)
    """Number of sequences; by default the folders in dataset.root are counted. Needed while dataset.root does not
    exist."""
    size: Size | None = None
    """Frame size in pixels; by default that of the sample sequences, or 640x480 if dataset.root is set."""
    card: CardName | None = None
    """GPU to plan for; by default the one that nvidia-smi reports here."""
    results: Path = Path("results")
    """Folder of the run: its disk's free space is reported, and the times in its benchmarks/ replace assumptions."""
    as_json: Annotated[bool, Role.EXECUTION] = Field(False, validation_alias="json")
    """Print JSON instead of text."""


class DoctorCommand(Settings):
    """Check the machine and, with a configuration, what it names; exit code 1 if something is missing."""

    configfile: Path | None = None
    """The configuration, as `snakemake --configfile` takes it; without it, only the machine and models/nano are
    checked."""
    results: Path = Path("results")
    """Folder of the run, on whose disk there has to be space."""
