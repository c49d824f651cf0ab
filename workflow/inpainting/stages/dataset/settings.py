"""Settings of the dataset stage's steps."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from inpainting.core.settings import Role, Settings, Size, parse_size
from inpainting.video.settings import EFFECT_THRESHOLD, MaskSettings


class SampleSettings(Settings):
    """What sample sequences are made of."""

    sequences: int = Field(default=8, ge=1)
    """How many sequences. Sequence k is the same however many are made."""
    size: Size = "128x96"
    """Frame size in pixels."""
    still: float = Field(default=0.15, ge=0, le=1)
    """Share of sequences whose camera stands still."""
    dynamic_share: float = Field(default=0, ge=0, le=1)
    """Share of sequences with dynamic scenes, in which more moves than the camera, as in footage: subjects, water, what
    passes by."""

    def model_post_init(self, _: object) -> None:
        if min(parse_size(self.size)) < 16:
            raise ValueError(f"size: {self.size} is too small for objects and shadows; use 16x16 or more")


class SampleCommand(SampleSettings):
    """Options of `inpaint sample`."""

    out: CliPositionalArg[Path]
    """Folder that receives one folder per sequence, and sample.tsv."""
    frames: int = Field(default=49, ge=1)
    """Frames of each sequence."""
    seed: int = Field(default=0, ge=0)
    """What all sequences are drawn from."""
    workers: Annotated[int, Role.EXECUTION] = Field(default=2, ge=1)
    """Processes that make sequences at once; their number changes no pixel."""


HEADER, CRC, DECODE = "header", "crc", "decode"


class SoundnessSettings(Settings):
    """How closely files are checked."""

    level: Literal["header", "crc", "decode"] = "crc"
    """What is checked of every frame: `header` its size and both ends, `crc` every checksum of a PNG, `decode` every
    pixel. Formats other than PNG are always decoded. `header` is a first look that nothing can be trained after."""


class ContentSettings(Settings):
    """What is looked at of the pixels, and what is put up with."""

    content_frames: int = Field(default=8, ge=0)
    """Frames of each sequence, drawn by seed and name, that are looked at besides the first, middle and last."""
    effect_threshold: float = Field(default=EFFECT_THRESHOLD, ge=0, le=255)
    """Levels (of 0 to 255) by which input and truth differ where a removed object left its shadow or reflection."""
    difference_limit: float = Field(default=8.0, gt=0, le=255)
    """Levels (of 0 to 255) by which input and truth may differ in most pixels outside the mask before the truth counts
    as another scene's or as one in other colours."""


class AuditSettings(ContentSettings, SoundnessSettings):
    """How closely the audit looks, and what it puts up with."""


class Inspecting(AuditSettings, MaskSettings):
    """Which sequences are looked at, and how."""

    root: CliPositionalArg[Path]
    """Folder that holds one folder per sequence, and perhaps groups.tsv (id, group)."""
    frames: int = Field(default=100, ge=1, le=99999)
    """Frames that every sequence must have; further ones are not looked at."""
    seed: int = Field(default=0, ge=0)
    """What the frames whose pixels are looked at are drawn from."""
    workers: Annotated[int, Role.EXECUTION] = Field(default=2, ge=1)
    """Processes that check sequences at once; their number changes no byte of the outputs."""


class InspectCommand(Inspecting):
    """Options of `inpaint inspect`."""

    out: CliPositionalArg[Path]
    """The .jsonl file to write; what was read is remembered beside it, and read again only when it changed."""
    shard: Annotated[int, Role.PLACE] = Field(default=0, ge=0)
    """Number of this shard, from 0."""
    shards: Annotated[int, Role.PLACE] = Field(default=1, ge=1)
    """Number of shards that the sequences are spread over."""

    def model_post_init(self, _: object) -> None:
        if self.shard >= self.shards:
            raise ValueError(f"shard: {self.shard} is not among {self.shards} shards, which are numbered from 0")


class AuditCommand(Inspecting):
    """Options of `inpaint audit`."""

    out: CliPositionalArg[Path]
    """Folder that receives manifest.parquet, rejected.tsv, warnings.tsv and summary.json."""
    inspected: tuple[Path, ...] = ()
    """What `inpaint inspect` wrote of all shards; without it, the sequences are inspected here."""


class SplitSettings(Settings):
    """How large validation and test set are; the rest is for training."""

    max_rejected: float = Field(default=0.5, ge=0, le=1)
    """Share of sequences that the audit may have rejected; more stop the pipeline: a wrong path must not train."""
    validation_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of groups that choose between checkpoints."""
    test_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of groups that are looked at in the evaluation alone."""

    def model_post_init(self, _: object) -> None:
        if self.validation_share + self.test_share >= 1:
            left = f"with validation_share {self.validation_share} nothing is left to train on"
            raise ValueError(f"test_share: {self.test_share} is too much; {left}, their sum must be below 1")


class SplitCommand(SplitSettings):
    """Options of `inpaint split`."""

    manifest: CliPositionalArg[Path]
    """The audit's manifest.parquet."""
    out: CliPositionalArg[Path]
    """The split.tsv to write; split.json comes beside it."""
    seed: int = Field(default=0, ge=0)
    """What the split is drawn from."""
