"""results/validation/<experiment>/step-N.json: a checkpoint's scores on the validation set.

Written by `inpaint validate`, compared by `inpaint best`.
"""

from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, Field

from inpainting.artifacts.formats import JsonFile, Provenance

VALIDATION_VERSION = 2
"""Raised by hand when the scores of the same checkpoint change on purpose; scores of another version are made again."""

Score = Literal["psnr_mask", "ssim_mask", "detail_mask"]
"""Scores of the raw output in the mask; PSNR and detail in dB, see `metrics.detail`."""

SCORES: tuple[Score, ...] = get_args(Score)

Criterion = Literal["psnr_mask", "ssim_mask", "detail_mask", "mean_rank"]
"""What checkpoints are compared by: a score, or the mean of their ranks in all scores."""

CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


class MeanScore(BaseModel):
    """A mean over sequences with its 95 % interval, None for too few sequences."""

    mean: float
    low: float | None
    high: float | None


class SequenceScore(BaseModel):
    """A sequence's scores; None if its mask is empty."""

    sequence: str
    psnr_mask: float | None
    ssim_mask: float | None
    detail_mask: float | None


class Scored(BaseModel):
    """Scores of a checkpoint with one number of denoising steps."""

    sampling_steps: int
    seconds_per_frame: float
    """Median over the sequences."""
    scores: dict[Score, MeanScore]


class ValidationRun(Scored):
    """Scores with one number of denoising steps, including those of each sequence."""

    sequences: list[SequenceScore]


class ValidationScores(JsonFile):
    """step-N.json."""

    wanted: ClassVar = "files of `inpaint validate`"

    step: int
    """Updates of the checkpoint."""
    criterion: Criterion
    """What checkpoints are compared by."""
    difference_to_training: float
    """Difference between predictions of the reloaded adapter and those during training: see `models.parity`."""
    runs: list[ValidationRun] = Field(min_length=1)
    """One per number of denoising steps."""
    provenance: Provenance
    """Its inputs contain the adapter's digest."""
