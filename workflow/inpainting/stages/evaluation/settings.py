"""Settings of `inpaint evaluate` and `inpaint tables`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role, Settings
from inpainting.metrics.registry import EXTRAS
from inpainting.models.settings import ModelSettings
from inpainting.stages.evaluation.methods import METHODS
from inpainting.video.settings import MaskSettings, WindowSettings

if TYPE_CHECKING:
    MethodName = str
    Extra = str
else:
    MethodName = Literal[tuple(METHODS)]
    Extra = Literal[tuple(EXTRAS)]

NAME = r"[A-Za-z0-9_.-]+"
"""What a method may be called, so that its files can."""


class SelectionSettings(Settings):
    """Which sequences are scored, and which of them are shown."""

    split: Literal["test", "validation", "all"] = "test"
    """Which sequences are scored; all of them only where nothing was trained on them."""
    examples: int = Field(4, ge=0)
    """Sequences, the first by id, whose output frames are kept for figures."""
    limit: int | None = Field(None, ge=1)
    """Sequences scored at most, the first by id; all where it is not given."""


class StepsSettings(Settings):
    """How learned methods are used."""

    steps: int = Field(50, ge=1)
    """Denoising steps of the base model, and of an adapter that was never validated; others take those that validation
    chose for them."""


class ExtrasSettings(Settings):
    """What is computed of every method's frames."""

    extras: tuple[Extra, ...] = Field(
        tuple(EXTRAS),
        description="Scores beside those of regions. "
        + "; ".join(f"{name}: {told}" for name, told in EXTRAS.items())
        + ". The tables say which were left out.",
    )


class EvaluateSettings(ExtrasSettings, StepsSettings, SelectionSettings):
    """What is scored of every method."""


class EvaluateCommand(EvaluateSettings, ModelSettings, MaskSettings, WindowSettings, FillSettings):
    """Score one method on one split, frame by frame: in the hole, along its edge, outside it and everywhere."""

    method: MethodName = Field(
        description="What inpaints. "
        + "; ".join(f"{name}: {entry.description}" for name, entry in METHODS.items())
        + ". The adapter needs --adapter, external needs --outputs."
    )
    label: str | None = None
    """The method's name in the tables, such as an experiment's; by default that of --method."""
    adapter: Path | None = None
    """Folder of the trained adapter, for --method adapter."""
    outputs: Path | None = None
    """Folder of another tool's frames, for --method external: a folder of images or a video per sequence, called as it
    is, of the same size and number of frames."""
    dataset: Path
    """Folder that holds the sequences."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    frames: int = Field(49, ge=1)
    """Frames of each sequence that are scored, from the first; shorter sequences are scored whole."""
    seed: int = Field(0, ge=0)
    """Seed of the learned methods' noise."""
    out: Path
    """The .parquet file to write: a row per sequence, output and frame."""
    examples_out: Path | None = None
    """Folder for the frames of the examples: <sequence>/raw and <sequence>/composited, with a table of them beside it,
    <folder>.tsv; without it none are kept."""
    workers: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Processes that share the sequences of a classical method, or the scoring of what a learned one makes; their
    number changes no score."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if (self.method == "adapter") != (self.adapter is not None):
            raise ValueError("adapter: a folder is needed for --method adapter, and for no other method")
        if (self.method == "external") != (self.outputs is not None):
            raise ValueError("outputs: a folder is needed for --method external, and for no other method")
        if self.out and self.out.suffix != ".parquet":
            raise ValueError(f"out: {self.out} should end in .parquet")

    @property
    def name(self) -> str:
        """The method's name in the tables."""
        return self.label or self.method


class TablesSettings(Settings):
    """How sequences are told apart in the tables of strata, and what counts as a failure."""

    still_below: float = Field(0.2, ge=0)
    """Cameras that move less than this many pixels from frame to frame count as still, the others as moving."""
    small_below: float = Field(0.1, ge=0, le=1)
    """Masks that cover less than this share of the frames count as small."""
    large_from: float = Field(0.15, ge=0, le=1)
    """Masks that cover this share of the frames or more count as large; those between are medium."""
    shadow_from: float = Field(0.025, ge=0, le=1)
    """Sequences whose input and truth differ in this share of the pixels outside the mask or more count as having much
    shadow or reflection."""
    median_weak_below: float = Field(22.0, ge=0)
    """Sequences on which the temporal median reads less than this many dB in the mask are those where it is weak."""
    failure_gap: float = Field(3.0, ge=0)
    """A method fails a sequence on which it reads more than this many dB less than the best classical method."""

    def model_post_init(self, _: object) -> None:
        if self.small_below > self.large_from:
            raise ValueError(f"small_below: {self.small_below} must not be more than large_from, {self.large_from}")


class TablesCommand(TablesSettings):
    """Compare methods that were evaluated on the same sequences."""

    results: tuple[Path, ...] = Field(min_length=1)
    """The .parquet files of `inpaint evaluate`, one per method."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it: camera motion, mask coverage and shadows."""
    groups: tuple[str, ...] = ()
    """EXPERIMENT=GROUP, by comma: results that are averaged sequence by sequence under their group's name, for
    trainings that differ in their seed alone."""
    out: Path
    """Folder for comparison, metrics, strata, failures and repeats (.tsv, .md, .html, .tex), sequences.tsv and
    summary.json."""
    seed: int = Field(0, ge=0)
    """Seed of the bootstrap intervals."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if wrong := [pair for pair in self.groups if not all(pair.partition("="))]:
            raise ValueError(f"groups: {wrong[0]} was given, but it should be EXPERIMENT=GROUP")

    def group_of(self) -> dict[str, str]:
        """Group by experiment."""
        return dict(pair.split("=", 1) for pair in self.groups)
