"""results/validation/<experiment>/step-N.json: a checkpoint's scores on the validation set. Written by
`inpaint validate`, compared by `inpaint best`.
"""

from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, Field

from inpainting.artifacts.formats import JsonFile, Provenance

VALIDATION_VERSION = 1
"""Raised by hand when the scores of the same checkpoint change on purpose: what another version made is made anew."""

Criterion = Literal["psnr_mask", "ssim_mask"]
"""In-mask scores of the raw output; PSNR in dB."""

CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


class MeanScore(BaseModel):
    """A mean over sequences with its 95 % interval, which few sequences have not."""

    mean: float
    low: float | None
    high: float | None


class SequenceScore(BaseModel):
    """A sequence's scores; None where it has no pixel in its mask."""

    sequence: str
    psnr_mask: float | None
    ssim_mask: float | None


class Scored(BaseModel):
    """What a checkpoint makes with one number of denoising steps."""

    sampling_steps: int
    seconds_per_frame: float
    """Median over the sequences."""
    scores: dict[Criterion, MeanScore]


class ValidationRun(Scored):
    """The same, with each sequence's scores."""

    sequences: list[SequenceScore]


class ValidationScores(JsonFile):
    """step-N.json."""

    wanted: ClassVar = "files of `inpaint validate`"

    step: int
    """The checkpoint's."""
    criterion: Criterion
    """The score that chooses between checkpoints."""
    difference_to_training: float
    """How far the adapter, loaded afresh, predicted from what training predicted: see `models.parity`."""
    runs: list[ValidationRun] = Field(min_length=1)
    """One per number of denoising steps that was tried."""
    provenance: Provenance
    """With the adapter's digest among its inputs."""
