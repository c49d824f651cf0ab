"""Settings of the dataset stage's steps."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from inpainting.settings import Settings, Size, parse_size


class SampleSettings(Settings):
    """What sample sequences are made of."""

    sequences: int = Field(default=8, ge=1)
    """How many sequences. Sequence k is the same however many are made."""
    frames: int = Field(default=49, ge=1)
    """Frames of each sequence."""
    size: Size = "128x96"
    """Frame size in pixels."""
    seed: int = Field(default=0, ge=0)
    """What all sequences are drawn from."""
    still: float = Field(default=0.15, ge=0, le=1)
    """Share of sequences whose camera stands still."""

    def model_post_init(self, _: object) -> None:
        if min(parse_size(self.size)) < 16:
            raise ValueError(f"size: {self.size} is too small for objects and shadows; use 16x16 or more")


class SampleCommand(SampleSettings):
    """Options of `inpaint sample`."""

    out: CliPositionalArg[Path]
    """Folder that receives one folder per sequence, and sample.tsv."""
    workers: int = Field(default=2, ge=1)
    """Processes that make sequences at once; their number changes no pixel."""
