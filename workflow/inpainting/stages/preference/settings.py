"""Settings of `inpaint compare` and `inpaint preference`."""

from pathlib import Path

from pydantic import Field

from inpainting.core.settings import Settings
from inpainting.video.settings import FolderSettings, MaskSettings


class CompareCommand(MaskSettings, FolderSettings):
    """Write a page that shows pairs of methods' outputs side by side, without their names, and asks which is better."""

    dataset: Path
    """Folder of the sequences."""
    evaluation: Path
    """Folder of the evaluations, with each method's frames in <method>/examples/<sequence>/ (`evaluation.examples`)."""
    methods: tuple[str, ...] = Field(min_length=2)
    """Names of the methods to compare."""
    pairs: int = Field(60, ge=1)
    """Largest number of pairs; each shows two methods on one sequence."""
    width: int = Field(480, ge=64)
    """Largest width in pixels of a clip on the page."""
    frame_rate: int = Field(10, ge=1)
    """Frames per second."""
    seed: int = Field(0, ge=0)
    """Seed of the order, and of which method is on the left."""
    out: Path
    """The .html page to write. The key that tells which clip is whose is written beside it, as <page>.key.json."""


class PreferenceCommand(Settings):
    """Compute the methods' scores from the choices that people made on a page of `inpaint compare`."""

    key: Path
    """The page's .key.json."""
    votes: tuple[Path, ...] = Field(min_length=1)
    """The .json files that the page saved, one per person."""
    seed: int = Field(0, ge=0)
    """Seed of the bootstrap."""
    out: Path
    """The .tsv table to write."""
