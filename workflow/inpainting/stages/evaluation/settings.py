"""Settings of `inpaint evaluate` and `inpaint tables`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role, Settings
from inpainting.metrics.registry import EXTRAS
from inpainting.metrics.settings import WeightsSettings
from inpainting.models.settings import InferenceSettings
from inpainting.stages.evaluation.methods import METHODS
from inpainting.video.settings import FolderSettings, MaskSettings, WindowSettings

if TYPE_CHECKING:
    MethodName = str
    Extra = str
else:
    MethodName = Literal[tuple(METHODS)]
    Extra = Literal[tuple(EXTRAS)]

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""Pattern of method names, which are part of file names and values of options."""
NAME_RULE = "should be made of letters, digits, '_', '.' and '-', and start with none of the last two"
"""The pattern in words."""


class SelectionSettings(Settings):
    """Which sequences are scored, and how many of them are kept as examples."""

    split: Literal["test", "validation", "all"] = "test"
    """Which sequences are scored; use all only for sequences that no method was trained on."""
    examples: int = Field(4, ge=0)
    """Number of sequences, the first by id, whose output frames are kept for figures."""
    limit: int | None = Field(None, ge=1)
    """Maximum number of sequences, the first by id; by default all are scored."""


class StepsSettings(Settings):
    """Sampling of the learned methods."""

    steps: int = Field(50, ge=1)
    """Denoising steps of the base model, and of an adapter that was not validated; for other adapters, validation chose
    the number."""


class ExtrasSettings(Settings):
    """Which optional metrics are computed."""

    extras: tuple[Extra, ...] = Field(
        tuple(EXTRAS),
        description="Metrics beside those by region. "
        + "; ".join(f"{name}: {description}" for name, description in EXTRAS.items())
        + ". The tables list those that were left out.",
    )


class EvaluateSettings(WeightsSettings, ExtrasSettings, StepsSettings, SelectionSettings):
    """Which sequences and metrics are scored."""


class EvaluateCommand(EvaluateSettings, InferenceSettings, MaskSettings, WindowSettings, FillSettings, FolderSettings):
    """Score one method on one split, frame by frame: inside the mask, along its edge, outside it, on whole frames."""

    method: MethodName = Field(
        description="The method. "
        + "; ".join(f"{name}: {entry.description}" for name, entry in METHODS.items())
        + ". Methods adapter and degraded_masks need --adapter, external needs --outputs."
    )
    label: str | None = None
    """The method's name in the tables, such as an experiment's; by default that of --method."""
    adapter: Path | None = None
    """Folder of the trained adapter, for --method adapter or degraded_masks."""
    outputs: Path | None = None
    """Folder of another tool's outputs, for --method external: per sequence a folder of images or a video, named by the
    sequence's id, of the same size and number of frames."""
    dataset: Path
    """Folder that holds the sequences."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    frames: int = Field(49, ge=1)
    """Number of frames of each sequence that are scored, from the first; shorter sequences are scored whole."""
    seed: int = Field(0, ge=0)
    """Seed of the learned methods' noise."""
    out: Path
    """The .parquet file to write: a row per sequence, output and frame."""
    examples_out: Path | None = None
    """Folder for the frames of the examples, <sequence>/raw and <sequence>/composited; a table of them is written
    beside it, as <folder>.tsv. By default no frames are kept."""
    workers: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Processes that share the sequences of a classical method, or the scoring of a learned method's output; their
    number does not change the scores."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        method = METHODS.get(self.method)  # None for --print-config without one
        if (method is not None and method.takes_adapter) != (self.adapter is not None):
            names = " or ".join(name for name, entry in METHODS.items() if entry.takes_adapter)
            raise ValueError(f"adapter: give the adapter's folder with --method {names}, and with no other method")
        if (self.method == "external") != (self.outputs is not None):
            raise ValueError("outputs: give the folder of outputs with --method external, and with no other method")
        if self.out and self.out.suffix != ".parquet":
            raise ValueError(f"out: {self.out} should end in .parquet")

    @property
    def name(self) -> str:
        """The method's name in the tables."""
        return self.label or self.method

    def uses_model(self) -> bool:
        """Whether the method needs the model."""
        return METHODS[self.method].learned


class TablesSettings(Settings):
    """Thresholds between the strata, and what counts as a failure."""

    still_below: float = Field(0.2, ge=0)
    """Cameras that move less than this many pixels per frame count as still, the others as moving."""
    small_below: float = Field(0.1, ge=0, le=1)
    """Masks that cover less than this share of the frames count as small."""
    large_from: float = Field(0.15, ge=0, le=1)
    """Masks that cover at least this share of the frames count as large; those in between are medium."""
    shadow_from: float = Field(0.025, ge=0, le=1)
    """Sequences whose input and ground truth differ in at least this share of the pixels outside the mask count as
    having much shadow."""
    median_weak_below: float = Field(22.0, ge=0)
    """The temporal median counts as weak on sequences where its PSNR inside the mask is below this many dB."""
    failure_gap: float = Field(3.0, ge=0)
    """A method fails a sequence if it scores more than this many dB lower than the best classical method."""
    prove: dict[str, Path] = Field({})
    """Csv files of PROVE's own evaluation by the name of their method, NAME=FILE on the command line: they are shown in
    a table of their own."""
    preference: Path | None = None
    """Table of `inpaint preference`, whose scores become a column of the comparison."""

    def model_post_init(self, _: object) -> None:
        if self.small_below > self.large_from:
            raise ValueError(f"small_below: {self.small_below} must not be more than large_from, {self.large_from}")


class TablesCommand(TablesSettings):
    """Compare methods that were evaluated on the same sequences."""

    results: tuple[Path, ...] = Field(min_length=1)
    """The .parquet files of `inpaint evaluate`, one per method."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it: camera motion, mask coverage and shadows."""
    groups: dict[str, str] = Field({})
    """Group by experiment, EXPERIMENT=GROUP on the command line: the results of a group are averaged sequence by
    sequence and listed under the group's name; for trainings that differ only in their seed."""
    out: Path
    """Folder for comparison, metrics, strata, failures and repeats (.tsv, .md, .html, .tex), sequences.tsv and
    summary.json."""
    seed: int = Field(0, ge=0)
    """Seed of the bootstrap intervals."""
