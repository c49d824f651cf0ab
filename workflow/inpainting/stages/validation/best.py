"""`inpaint best`: chooses the best checkpoint and number of denoising steps, and copies its adapter."""

import logging
from typing import NamedTuple

import pandas as pd

from inpainting.artifacts.best import BestCheckpoint, Candidate, Choice
from inpainting.artifacts.validation_scores import CRITERIA, SCORES, Criterion, ValidationRun, ValidationScores
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import paired_interval
from inpainting.models.adapter_files import adapter_digest, copy_adapter, write_sampling_steps
from inpainting.stages.validation.settings import BestCommand

log = logging.getLogger(__name__)

FORMS: dict[Criterion, tuple[str, str, int]] = {
    "psnr_mask": ("highest mean psnr_mask", " dB", 2),
    "ssim_mask": ("highest mean ssim_mask", "", 4),
    "detail_mask": ("lowest mean absolute detail_mask", " dB", 2),
    "mean_rank": (f"lowest mean rank in {', '.join(SCORES)}", "", 2),
}
"""Of each criterion: what is compared, its unit, and its decimals."""


class Contender(NamedTuple):
    """A checkpoint, given by its training step, scored with one number of denoising steps."""

    step: int
    run: ValidationRun


def best(settings: BestCommand) -> None:
    """Write the best checkpoint with its scores and those of all candidates, and copy its adapter.

    The number of denoising steps is written to
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
    by_criterion = {name: rank(contenders, name) for name in CRITERIA}
    ranked = by_criterion[criterion]
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
        by_criterion={
            name: Choice(step=order[0].step, sampling_steps=order[0].run.sampling_steps)
            for name, order in by_criterion.items()
        },
        scores=first.run.scores,
        difference_to_training=winner.difference_to_training,
        candidates=[Candidate(step=step, **run.model_dump(exclude={"sequences"})) for step, run in contenders],
        provenance=winner.provenance.model_copy(update={"inputs": inputs}),
    )
    chosen.write(settings.out)
    log.info("best of %d checkpoints: step %d, %s", len(results), chosen.step, chosen.why)


def rank(contenders: list[Contender], criterion: Criterion) -> list[Contender]:
    """The contenders, best first; of equal ones fewer denoising steps win, then the earlier checkpoint."""
    means = merits(contenders, criterion).mean()
    order = sorted(
        range(len(contenders)),
        key=lambda number: (-means[number], contenders[number].run.sampling_steps, contenders[number].step),
    )
    return [contenders[number] for number in order]


def merits(contenders: list[Contender], criterion: Criterion) -> pd.DataFrame:
    """What is compared, the higher the better: a row per sequence with a hole, a column per contender by its number.

    psnr_mask and ssim_mask as they are; detail_mask: minus its absolute value; mean_rank: minus the mean over the
    scores of a contender's rank among all in a sequence (1 is best, equal ones share the mean of their ranks).
    """
    if criterion == "mean_rank":
        ranks = [merits(contenders, score).rank(axis=1, ascending=False) for score in SCORES]
        return -sum(ranks[1:], ranks[0]) / len(ranks)
    columns = [
        pd.Series({row.sequence: getattr(row, criterion) for row in contender.run.sequences}, dtype=float)
        for contender in contenders
    ]
    values = pd.DataFrame(dict(enumerate(columns))).dropna()
    return -values.abs() if criterion == "detail_mask" else values


def reason(ranked: list[Contender], criterion: Criterion, checkpoints: int) -> str:
    """Why the first of the ranked contenders was chosen, with confidence intervals.

    ranked: best first; checkpoints: number of checkpoints.
    """
    first, merit = ranked[0], merits(ranked, criterion)
    tried = len({contender.run.sampling_steps for contender in ranked})
    compared, unit, digits = FORMS[criterion]
    form = f"{{:.{digits}f}}".format
    why = f"{compared} of the raw output over {len(merit)} validation sequences: {form(abs(merit[0].mean()))}{unit}"
    if criterion in ("psnr_mask", "ssim_mask") and (score := first.run.scores[criterion]).low is not None:
        why += f" (95 % interval {form(score.low)} to {form(score.high)})"
    if tried > 1:
        steps = first.run.sampling_steps
        why += f", with {steps} denoising step{'s' * (steps > 1)} of {tried} numbers tried"
    contender = next((number for number, other in enumerate(ranked) if other.step != first.step), None)
    if contender is None:
        return why
    gain = paired_interval(merit[0], merit[contender], seed=0)
    step = ranked[contender].step
    why += f"; {form(gain.mean)}{unit} better than the next of {checkpoints} checkpoints, step {step}"
    if gain.low == gain.low:
        unsure = "" if gain.low > 0 else ", so that chance may have chosen"
        why += f" ({form(gain.low)} to {form(gain.high)}{unsure})"
    return why
