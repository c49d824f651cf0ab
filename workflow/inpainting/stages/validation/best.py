"""`inpaint best`: chooses the best checkpoint and number of denoising steps, and copies its adapter."""

import logging
from typing import NamedTuple

import pandas as pd

from inpainting.artifacts.best import BestCheckpoint, Candidate
from inpainting.artifacts.validation_scores import Criterion, MeanScore, ValidationRun, ValidationScores
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import paired_interval
from inpainting.models.adapter_files import adapter_digest, copy_adapter, write_sampling_steps
from inpainting.stages.validation.settings import BestCommand

log = logging.getLogger(__name__)

UNITS: dict[Criterion, str] = {"psnr_mask": " dB", "ssim_mask": ""}
DIGITS: dict[Criterion, int] = {"psnr_mask": 2, "ssim_mask": 4}


class Contender(NamedTuple):
    """A checkpoint, given by its training step, scored with one number of denoising steps."""

    step: int
    run: ValidationRun


def best(settings: BestCommand) -> None:
    """Write the best checkpoint with its scores and those of all candidates, and copy its adapter.

    Of equal scores, fewer denoising steps win, then the earlier checkpoint. The number of denoising steps is written to
    the adapter's configuration. Raises InputError if the scores can't be compared or the adapter is not the scored one.
    """
    results = [ValidationScores.read(path, "--scores") for path in settings.scores]
    criteria = {result.criterion for result in results}
    settings_of_runs = {
        tuple((run.sampling_steps, *(row.sequence for row in run.sequences)) for run in result.runs)
        for result in results
    }
    if len(criteria) > 1 or len(settings_of_runs) > 1:
        raise InputError(
            "--scores: they differ in criterion, steps or sequences; validate all checkpoints with the same settings"
        )
    (criterion,) = criteria
    results.sort(key=lambda result: result.step)
    contenders = [Contender(result.step, run) for result in results for run in result.runs]
    ranked = sorted(contenders, key=lambda one: (-one.run.scores[criterion].mean, one.run.sampling_steps, one.step))
    first = ranked[0]
    winner = next(result for result in results if result.step == first.step)
    adapter = settings.checkpoints / f"step-{winner.step}" / "adapter"
    existing(adapter, "--checkpoints", "the folder of step-N folders that were validated")
    if adapter_digest(adapter) != winner.provenance.inputs.get("adapter"):
        raise InputError(f"--checkpoints: {adapter} is not what was validated; validate it again")
    with atomic_path(settings.adapter_out) as temporary:
        temporary.mkdir()
        copy_adapter(adapter, temporary)
        write_sampling_steps(temporary, first.run.sampling_steps)
    inputs = winner.provenance.inputs | {"adapter": adapter_digest(settings.adapter_out)}
    chosen = BestCheckpoint(
        step=first.step,
        sampling_steps=first.run.sampling_steps,
        criterion=criterion,
        why=reason(ranked, criterion, len(results)),
        scores=first.run.scores,
        difference_to_training=winner.difference_to_training,
        candidates=[Candidate(step=step, **run.model_dump(exclude={"sequences"})) for step, run in contenders],
        provenance=winner.provenance.model_copy(update={"inputs": inputs}),
    )
    chosen.write(settings.out)
    log.info("best of %d checkpoints: step %d, %s", len(results), chosen.step, chosen.why)


def reason(ranked: list[Contender], criterion: Criterion, checkpoints: int) -> str:
    """Why the first of the ranked contenders was chosen, with confidence intervals.

    ranked: best first; checkpoints: number of checkpoints.
    """
    first = ranked[0]
    tried = len({contender.run.sampling_steps for contender in ranked})
    form, unit = f"{{:.{DIGITS[criterion]}f}}".format, UNITS[criterion]
    score: MeanScore = first.run.scores[criterion]
    why = f"highest mean {criterion} of the raw output over {len(first.run.sequences)} validation sequences"
    why += f": {form(score.mean)}{unit}"
    if score.low is not None:
        why += f" (95 % interval {form(score.low)} to {form(score.high)})"
    if tried > 1:
        why += f", with {first.run.sampling_steps} denoising steps of {tried} numbers tried"
    contender = next((other for other in ranked if other.step != first.step), None)
    if contender is None:
        return why
    gain = paired_interval(_by_sequence(first.run, criterion), _by_sequence(contender.run, criterion), seed=0)
    why += f"; {form(gain.mean)}{unit} above the next of {checkpoints} checkpoints, step {contender.step}"
    if gain.low == gain.low:
        unsure = "" if gain.low > 0 else ", so that chance may have chosen"
        why += f" ({form(gain.low)} to {form(gain.high)}{unsure})"
    return why


def _by_sequence(run: ValidationRun, criterion: Criterion) -> pd.Series:
    return pd.Series({row.sequence: getattr(row, criterion) for row in run.sequences}, dtype=float)
