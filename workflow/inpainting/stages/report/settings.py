"""Settings of the commands that draw the report's figures and pages."""

from pathlib import Path

from pydantic import Field

from inpainting.core.settings import Settings
from inpainting.video.settings import MaskSettings

REPORT_VERSION = 1
"""Raised by hand when figures and pages change on purpose: what another version made is made anew."""


class SampleSettings(Settings):
    """What is shown of the dataset."""

    samples: int = Field(6, ge=1, le=24)
    """Sequences on the contact sheet of the dataset, from the smallest mask to the largest."""


class ExampleSettings(Settings):
    """How test sequences are shown, with what the methods make of them."""

    examples: int = Field(3, ge=1)
    """Sequences that are shown at most: the first by id of those that the evaluation kept, see evaluation.examples."""
    shown: tuple[str, ...] = ()
    """Methods side by side; when empty: the base model, the best classical one, and the best adapter."""
    moments: int = Field(4, ge=1, le=8)
    """Rows of an example's sheet, spread evenly over its frames."""
    frame_rate: int = Field(12, ge=1, le=60)
    """Frames per second of the clips."""


class ReportSettings(SampleSettings, ExampleSettings):
    """How much the report shows."""


class Drawing(Settings):
    """A figure, as pixels and as vectors."""

    png: Path
    """The .png file to write."""
    svg: Path
    """The .svg file to write."""


class DrawDatasetCommand(SampleSettings, MaskSettings):
    """Draw sequences, and what the audit measured of the accepted; list the rejected and the odd."""

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
    """Folder for samples.png, random.png, suspicious.png, coverage.png and coverage.svg."""
    page: Path
    """The .html page to write: what was accepted, what was rejected and why, and the split."""


class DrawTrainingCommand(Drawing):
    """Draw an experiment's loss, gradient norm and learning rates over its steps."""

    metrics: Path
    """metrics.jsonl, as `inpaint train` wrote it."""
    training: Path
    """training.json, as `inpaint train` wrote it."""


class DrawCheckpointsCommand(Drawing):
    """Draw the scores of an experiment's checkpoints on the validation set, and mark the best."""

    best: Path
    """best.json, as `inpaint best` wrote it."""
    experiment: str
    """Name of the experiment, for the title."""


class DrawComparisonCommand(Drawing):
    """Draw the methods' scores with their intervals, over all test sequences and by camera and mask."""

    comparison: Path
    """comparison.tsv, as `inpaint tables` wrote it."""
    strata: Path
    """strata.tsv, as `inpaint tables` wrote it."""
    strata_png: Path
    """The .png file to write for the strata."""
    strata_svg: Path
    """The .svg file to write for the strata."""


class DrawSequencesCommand(Drawing):
    """Draw the best adapter against the best classical method, sequence by sequence."""

    comparison: Path
    """comparison.tsv, as `inpaint tables` wrote it: which methods there are."""
    sequences: Path
    """sequences.tsv, as `inpaint tables` wrote it: every method's scores by sequence."""


class DrawExamplesCommand(ExampleSettings, MaskSettings):
    """Show test sequences: input, mask, truth, and what the methods make of them, as a sheet and as a clip each."""

    dataset: Path
    """Folder that holds the sequences."""
    comparison: Path
    """comparison.tsv, as `inpaint tables` wrote it: which methods there are, best first."""
    evaluation: Path
    """Folder of the evaluations: <method>/examples/<sequence>/raw holds a method's own frames."""
    out: Path
    """Folder to write: <sequence>/moments.png, <sequence>/clip.mp4 and clip.html, which plays it. A table of the
    sequences, with digests, is written beside it, as <folder>.tsv."""


class DrawHeadlineCommand(Settings):
    """Write the report's opening: the result in one sentence, the comparison, and an example."""

    summary: Path
    """summary.json, as `inpaint tables` wrote it."""
    comparison: Path
    """The .svg figure of `inpaint draw-comparison`."""
    examples: Path
    """The folder of `inpaint draw-examples`; the first of its clips is shown."""
    out: Path
    """The .html fragment to write."""


class DrawProvenanceCommand(Settings):
    """List what every result was made with: settings, seed, versions, and digests of data and weights."""

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
