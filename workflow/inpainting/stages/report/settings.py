"""Settings of the commands that draw the report's figures and pages."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import CliPositionalArg

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role, Settings
from inpainting.video.settings import FolderSettings, MaskSettings

REPORT_VERSION = 4
"""Raise it when figures or pages change on purpose: those of another version are drawn again."""


class SampleSettings(Settings):
    """The contact sheet of the dataset."""

    samples: int = Field(6, ge=1, le=24)
    """Number of sequences on the contact sheet of the dataset, from the smallest mask to the largest."""


class ExampleSettings(Settings):
    """How test sequences and the methods' outputs for them are shown."""

    examples: int = Field(3, ge=1)
    """Maximum number of sequences shown: of those kept by the evaluation (see evaluation.examples), the one with the
    smallest and the one with the largest gain over the best classical method, and random ones."""
    shown: tuple[str, ...] = ()
    """Methods shown side by side; by default the base model, the best classical method, and the best adapter."""
    moments: int = Field(4, ge=1, le=8)
    """Rows of an example's sheet: frames evenly spaced over the sequence."""
    frame_rate: int = Field(12, ge=1, le=60)
    """Frames per second of the clips."""


class ReportSettings(SampleSettings, ExampleSettings):
    """Contents of the report."""


class LookCommand(MaskSettings, FillSettings, FolderSettings):
    """Write a page of short clips: input with the hole outlined, what the model is shown, truth, and difference."""

    root: CliPositionalArg[Path]
    """Folder with one folder per sequence."""
    out: CliPositionalArg[Path]
    """The .html page to write; it works offline."""
    audit: Path | None = None
    """Folder that `inpaint audit` wrote: then half of the sequences are those that stand out in it, with its findings.
    By default all are random."""
    sequences: int = Field(12, ge=1, le=100)
    """Number of sequences."""
    frames: int = Field(33, ge=1)
    """Frames shown of each sequence: the first, or those around the frame that a finding names. Fills that use other
    frames use these alone."""
    frame_rate: int = Field(12, ge=1, le=60)
    """Frames per second of the clips."""
    seed: int = Field(0, ge=0)
    """Seed of the choice of random sequences."""
    workers: Annotated[int, Role.EXECUTION] = Field(default=2, ge=1)
    """Processes that draw clips in parallel; their number does not change the page."""


class Drawing(Settings):
    """A figure, as PNG and as SVG."""

    png: Path
    """The .png file to write."""
    svg: Path
    """The .svg file to write."""


class DrawDatasetCommand(SampleSettings, MaskSettings, FolderSettings):
    """Draw sequences and the audit's measurements; list rejected sequences and warnings."""

    dataset: Path
    """Folder that holds the sequences."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    rejected: Path
    """rejected.tsv, as `inpaint audit` wrote it."""
    warnings: Path
    """warnings.tsv, as `inpaint audit` wrote it."""
    summary: Path
    """summary.json, as `inpaint audit` wrote it."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    out: Path
    """Folder for samples.jpg, random.jpg, coverage.png and coverage.svg."""
    page: Path
    """The .html page to write: numbers of accepted and rejected sequences, reasons, and the split."""


class DrawTrainingCommand(Drawing):
    """Draw an experiment's loss, gradient norm and learning rates over its steps."""

    metrics: Path
    """metrics.jsonl, as `inpaint train` wrote it."""
    training: Path
    """training.json, as `inpaint train` wrote it."""


class DrawPreviewsCommand(Settings):
    """Draw a training's previews over its steps."""

    training: Path
    """training.json, as `inpaint train` wrote it, with the folder tensorboard/ beside it."""
    shown: int = Field(6, ge=2)
    """Previews in a row, evenly spaced over the training."""
    jpg: Path
    """The .jpg file to write."""


class DrawTrainingsCommand(Drawing):
    """Draw the losses and costs of all experiments on common axes."""

    trainings: tuple[Path, ...] = Field(min_length=1)
    """The training.json files, each with its metrics.jsonl beside it, as `inpaint train` wrote them."""


class DrawCheckpointsCommand(Drawing):
    """Draw the scores of an experiment's checkpoints on the validation set, and mark the best."""

    best: Path
    """best.json, as `inpaint best` wrote it."""
    experiment: str
    """Name of the experiment, for the title."""
    choices: Path | None = None
    """A second .png to write: pictures by the checkpoints that each criterion would have chosen."""


class DrawComparisonCommand(Drawing):
    """Draw the methods' scores with their intervals: over all test sequences, by stratum, and against run time."""

    comparison: Path
    """comparison.tsv, as `inpaint tables` wrote it."""
    strata: Path
    """strata.tsv, as `inpaint tables` wrote it."""
    strata_png: Path
    """The .png file to write for the strata."""
    strata_svg: Path
    """The .svg file to write for the strata."""
    cost_png: Path
    """The .png file to write for quality against seconds."""
    cost_svg: Path
    """The .svg file to write for quality against seconds."""


class DrawSequencesCommand(Drawing):
    """Draw the best adapter against the best classical method, sequence by sequence, and list all sequences."""

    comparison: Path
    """comparison.tsv, as `inpaint tables` wrote it."""
    sequences: Path
    """sequences.tsv, as `inpaint tables` wrote it: the scores by method and sequence."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it: mask size and motion."""
    examples: Path
    """The folder of `inpaint draw-examples`, whose clips the list opens."""
    difficulty_png: Path
    """The .png file to write for the scores by mask size and motion."""
    difficulty_svg: Path
    """The .svg file to write for the scores by mask size and motion."""
    page: Path
    """The .html page to write: a table of all sequences."""


class DrawExamplesCommand(ExampleSettings, MaskSettings, FolderSettings):
    """Draw test sequences with the methods' outputs: a sheet of selected frames and a clip each."""

    dataset: Path
    """Folder that holds the sequences."""
    comparison: Path
    """comparison.tsv, as `inpaint tables` wrote it."""
    sequences: Path
    """sequences.tsv, as `inpaint tables` wrote it: the scores by method and sequence."""
    evaluation: Path
    """Folder of the evaluations, with each method's frames in <method>/examples/<sequence>/raw."""
    out: Path
    """Folder to write. <best, worst or random>-<sequence>/ holds moments.jpg, slices.jpg, clip.mp4, clip.html, which
    plays it, and compare.html, where any two methods are compared. A table of the folders, with digests, is written
    beside it, as <folder>.tsv."""


class DrawHeadlineCommand(Settings):
    """Write the first part of the report: headline sentence, comparison, and an example."""

    summary: Path
    """summary.json, as `inpaint tables` wrote it."""
    comparison: Path
    """The .svg figure of `inpaint draw-comparison`."""
    examples: Path
    """The folder of `inpaint draw-examples`; the clip of a random sequence is shown, if there is one."""
    out: Path
    """The .html fragment to write."""


class DrawProvenanceCommand(Settings):
    """List the provenance of every result: settings, seed, versions, and digests of data and weights."""

    split_summary: Path
    """split.json, as `inpaint split` wrote it."""
    trainings: tuple[Path, ...] = ()
    """The training.json files."""
    best: tuple[Path, ...] = ()
    """The best.json files."""
    evaluations: tuple[Path, ...] = ()
    """The .parquet files of `inpaint evaluate`."""
    page: Path
    """The .html page to write."""
