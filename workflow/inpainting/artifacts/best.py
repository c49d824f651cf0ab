"""results/validation/<experiment>/best.json: the best checkpoint and all candidates.

Written by `inpaint best`, which also copies the best checkpoint's adapter; read by the report and `inpaint export`.
"""

from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from inpainting.artifacts.formats import JsonFile, Provenance
from inpainting.artifacts.validation_scores import Criterion, MeanScore, Score, Scored, ValidationScores
from inpainting.core.errors import InputError
from inpainting.core.settings import existing

BEST_FILE = "best.json"
"""Its name in the pipeline; the folder `best` beside it is the copied adapter."""


class Candidate(Scored):
    """A checkpoint, scored with one number of denoising steps."""

    step: int


class Choice(BaseModel):
    """A checkpoint and the number of denoising steps to use it with."""

    step: int
    sampling_steps: int


class BestCheckpoint(JsonFile):
    """best.json."""

    wanted: ClassVar = "the best.json of `inpaint best`"

    step: int
    """Updates of the best checkpoint."""
    sampling_steps: int
    """Denoising steps with which it was best."""
    criterion: Criterion
    """What checkpoints were compared by."""
    why: str
    """The reason for the choice and its uncertainty, in words."""
    by_criterion: dict[Criterion, Choice]
    """What each criterion would have chosen."""
    scores: dict[Score, MeanScore]
    """Scores of the best checkpoint."""
    difference_to_training: float
    """From the step-N.json of the best checkpoint."""
    candidates: list[Candidate]
    """All compared checkpoints, sorted by step."""
    provenance: Provenance
    """Of the best checkpoint's scores, with the digest of the copied adapter among its inputs."""


def read_adapter_scores(path: Path, option: str) -> tuple[str | None, list[tuple[int, dict[Score, MeanScore]]]]:
    """Read a file of `inpaint validate` or `inpaint best`: (digest of its adapter, scores by denoising steps).

    Raises UsageError if the file does not exist, InputError if it is neither of them.
    """
    existing(path, option, "a file of `inpaint validate` or `inpaint best`")
    try:
        best = BestCheckpoint.read(path)
        return best.provenance.inputs.get("adapter"), [(best.sampling_steps, best.scores)]
    except InputError:
        pass
    try:
        found = ValidationScores.read(path)
        return found.provenance.inputs.get("adapter"), [(run.sampling_steps, run.scores) for run in found.runs]
    except InputError as error:
        raise InputError(f"{option}: {path} is not a file of `inpaint validate` or `inpaint best`") from error
