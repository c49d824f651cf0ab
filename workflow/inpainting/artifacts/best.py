"""results/validation/<experiment>/best.json: which checkpoint won. Written by `inpaint best`, which copies the winner's
adapter; read by the report and `inpaint export`.
"""

from pathlib import Path
from typing import ClassVar

from inpainting.artifacts.formats import JsonFile, Provenance
from inpainting.artifacts.validation_scores import Criterion, MeanScore, Scored, ValidationScores
from inpainting.core.errors import InputError
from inpainting.core.settings import existing


class Candidate(Scored):
    """A checkpoint with one number of denoising steps."""

    step: int


class BestCheckpoint(JsonFile):
    """best.json."""

    wanted: ClassVar = "the best.json of `inpaint best`"

    step: int
    """The winner's."""
    sampling_steps: int
    """Denoising steps with which it won."""
    criterion: Criterion
    """The score that chose it."""
    why: str
    """The choice in words, and how sure it is."""
    scores: dict[Criterion, MeanScore]
    """The winner's."""
    difference_to_training: float
    """As in its step-N.json."""
    candidates: list[Candidate]
    """All that were compared, by step."""
    provenance: Provenance
    """Of the winner's scores, with the digest of the copied adapter among its inputs."""


def read_adapter_scores(path: Path, option: str) -> tuple[str | None, list[tuple[int, dict[Criterion, MeanScore]]]]:
    """Of a file of `inpaint validate` or `inpaint best`: the digest of its adapter, and scores by denoising steps.

    Raises UsageError where there is no such file, InputError for any other.
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
        raise InputError(f"{option}: {path} is no file of `inpaint validate` or `inpaint best`") from error
