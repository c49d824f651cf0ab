"""Settings of the dataset stage's steps."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from inpainting.core.settings import Role, Settings, Size, parse_size
from inpainting.video.settings import EFFECT_THRESHOLD, FolderSettings, MaskSettings


class SampleSettings(Settings):
    """Content of the sample sequences."""

    sequences: int = Field(default=8, ge=1)
    """Number of sequences. Sequence k does not depend on this number."""
    size: Size = "128x96"
    """Frame size in pixels."""
    still: float = Field(default=0.15, ge=0, le=1)
    """Share of sequences with a still camera, 0 to 1."""
    dynamic_share: float = Field(default=0, ge=0, le=1)
    """Share of sequences, 0 to 1, with dynamic scenes: moving subjects, rippling water, objects in the foreground."""

    def model_post_init(self, _: object) -> None:
        if min(parse_size(self.size)) < 16:
            raise ValueError(f"size: {self.size} is too small for objects and shadows; use 16x16 or more")


class SampleCommand(SampleSettings, FolderSettings):
    """Options of `inpaint sample`."""

    out: CliPositionalArg[Path]
    """Folder that receives one folder per sequence, and sample.tsv."""
    frames: int = Field(default=49, ge=1)
    """Frames of each sequence."""
    seed: int = Field(default=0, ge=0)
    """Seed of all sequences."""
    workers: Annotated[int, Role.EXECUTION] = Field(default=2, ge=1)
    """Processes that make sequences in parallel; their number does not change the result."""


HEADER, CRC, DECODE = "header", "crc", "decode"


class SoundnessSettings(Settings):
    """How thoroughly files are checked."""

    level: Literal["header", "crc", "decode"] = "crc"
    """What is checked of every frame: `header` its size and its first and last bytes, `crc` every checksum of a PNG,
    `decode` every pixel. Formats other than PNG are always decoded. `header` is a quick check that training does not
    accept."""


class ContentSettings(Settings):
    """How content is measured, and its tolerances."""

    content_frames: int = Field(default=8, ge=0)
    """Frames of each sequence, drawn by seed and name, on which content is measured in addition to the first, middle
    and last."""
    effect_threshold: float = Field(default=EFFECT_THRESHOLD, ge=0, le=255)
    """Grey levels, 0 to 255. Pixels outside the mask where input and truth differ more count as an effect of the
    removed object, such as its shadow or reflection."""
    difference_limit: float = Field(default=8.0, gt=0, le=255)
    """Grey levels, 0 to 255. A sequence is rejected if the median difference of input and truth outside the mask is
    larger."""


class AuditSettings(ContentSettings, SoundnessSettings):
    """How thoroughly the audit checks, and its tolerances."""


class InspectionSettings(AuditSettings, MaskSettings, FolderSettings):
    """Which sequences are inspected, and how."""

    root: CliPositionalArg[Path]
    """Folder with one folder per sequence and optionally groups.tsv (columns id, group)."""
    frames: int = Field(default=100, ge=1, le=99999)
    """Frames that every sequence must have; further ones are ignored."""
    seed: int = Field(default=0, ge=0)
    """Seed of the choice of frames on which content is measured."""
    workers: Annotated[int, Role.EXECUTION] = Field(default=2, ge=1)
    """Processes that check sequences in parallel; their number does not change the outputs."""


class InspectCommand(InspectionSettings):
    """Options of `inpaint inspect`."""

    out: CliPositionalArg[Path]
    """The .jsonl file to write. The inspection cache is a folder beside it, so that only new and changed sequences are
    read."""
    shard: Annotated[int, Role.PLACE] = Field(default=0, ge=0)
    """Number of this shard, from 0."""
    shards: Annotated[int, Role.PLACE] = Field(default=1, ge=1)
    """Number of shards into which the sequences are divided."""

    def model_post_init(self, _: object) -> None:
        if self.shard >= self.shards:
            raise ValueError(f"shard: {self.shard} is not among {self.shards} shards, numbered from 0")


class AuditCommand(InspectionSettings):
    """Options of `inpaint audit`."""

    out: CliPositionalArg[Path]
    """Output folder of manifest.parquet, rejected.tsv, warnings.tsv and summary.json."""
    inspected: tuple[Path, ...] = ()
    """The .jsonl files of `inpaint inspect` of all shards; without them, the sequences are inspected now."""


class SplitSettings(Settings):
    """Sizes of validation and test set; the rest is the training set."""

    max_rejected: float = Field(default=0.5, ge=0, le=1)
    """Share of sequences, 0 to 1, that the audit may reject; with more the split fails, since a path is probably
    wrong."""
    validation_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of groups in the validation set, which selects the best checkpoint."""
    test_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of groups in the test set, which only the evaluation uses."""

    def model_post_init(self, _: object) -> None:
        if self.validation_share + self.test_share >= 1:
            left = f"with validation_share {self.validation_share} nothing is left to train on"
            raise ValueError(f"test_share: {self.test_share} is too much; {left}, their sum must be below 1")


class SplitCommand(SplitSettings):
    """Options of `inpaint split`."""

    manifest: CliPositionalArg[Path]
    """The audit's manifest.parquet."""
    out: CliPositionalArg[Path]
    """The split.tsv to write; split.json is written beside it."""
    seed: int = Field(default=0, ge=0)
    """Seed of the split."""
