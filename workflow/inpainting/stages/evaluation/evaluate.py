"""`inpaint evaluate`: score one method on the sequences of one split."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.examples import COMPOSITED, RAW, Output
from inpainting.artifacts.manifest import choose_sequences
from inpainting.artifacts.scores import write_results
from inpainting.core import provenance
from inpainting.core.files import file_digest, folder_digest, value_digest
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.core.workers import mapped_ahead, process_pool
from inpainting.metrics.registry import COLUMNS
from inpainting.sampling.settings import INPAINTING_VERSION
from inpainting.stages.evaluation.cost import Cost, measured
from inpainting.stages.evaluation.methods import LEARNED_ONLY, METHODS, Method, load_method
from inpainting.stages.evaluation.partial_results import Parts
from inpainting.stages.evaluation.scoring import score_outputs
from inpainting.stages.evaluation.settings import EVALUATION_VERSION, EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import read_clip
from inpainting.video.masks import Hole

log = logging.getLogger(__name__)

PLACES = {"dataset", "manifest", "split_file", "adapter", "outputs", "out", "examples_out", "workers"}
"""Settings that say where things are; what they hold is in the provenance as digests."""


def evaluate(settings: EvaluateCommand) -> None:
    """Write the scores of one method's raw and composited output, and the frames of the examples."""
    settings = with_chosen_steps(settings)
    _check_base(settings)
    sequences = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, settings.split, settings.frames, settings.limit
    )
    names = list(sequences)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    log.info("%s: %d %s sequences: %s%s", settings.name, len(names), settings.split, ", ".join(names[:8]), more)
    about = _provenance(settings)
    parts = Parts(settings.out, _digest(settings, about))
    waiting = [name for name in names if not parts.has(name)]
    if len(waiting) < len(names):
        log.info("%d of them were finished before", len(names) - len(waiting))
    examples = names[: settings.examples] if settings.examples_out else []
    for _ in tracked(_score_all(settings, sequences, waiting, examples, parts), "evaluate", "sequences", len(waiting)):
        pass
    if settings.examples_out:
        parts.copy_examples(examples, settings.examples_out)
    write_results(settings.out, parts.scores(names), about)
    parts.remove()


def with_chosen_steps(settings: EvaluateCommand) -> EvaluateCommand:
    """The settings with the number of denoising steps that validation chose for their adapter, where it chose one.

    Raises UsageError where the adapter is not there, InputError where it is none.
    """
    if settings.adapter is None:
        return settings
    from inpainting.conditioning.adapter import read_adapter_config

    adapter = existing(settings.adapter, "--adapter", "a folder that training wrote")
    chosen = read_adapter_config(adapter).sampling_steps
    if chosen is None:
        return settings
    log.info("%s: as many denoising steps as validation chose: %d", settings.name, chosen)
    return settings.model_copy(update={"steps": chosen})


def _check_base(settings: EvaluateCommand) -> None:
    """Raise UsageError where a learned method's base, or without an adapter its windows, can't be used."""
    if not METHODS[settings.method].learned:
        return
    from inpainting.models import bases

    family = bases.family(settings.base)
    if settings.adapter is None:
        bases.check_window(family, settings.window)


class Job(NamedTuple):
    """A sequence to score: how many of its frames, and whether they are kept for figures."""

    sequence: str
    frames: int
    example: bool


@dataclass(frozen=True)
class Made:
    """What a method made of a sequence: its own frames, the dilated hole it filled, and what that cost."""

    raw: NDArray[np.uint8]
    filled: Hole
    cost: Cost


def fill_sequence(settings: EvaluateCommand, method: Method, name: str, frames: int) -> Made:
    """Let the method fill the hole of a sequence, and measure it; what another tool did has no cost here."""
    clip = read_clip(settings.dataset, name, frames)
    filled = method.hole(clip.mask)
    with measured(_on_device(settings)) as cost:
        raw = method.fill(clip)
    return Made(raw, filled, Cost(math.nan, math.nan) if settings.method == "external" else cost)


def score_sequence(
    settings: EvaluateCommand, name: str, frames: int, made: Made
) -> tuple[pd.DataFrame, dict[Output, NDArray[np.uint8]]]:
    """A sequence's rows of the results (`artifacts.scores`), and its frames by output.

    The hole that is scored is the mask's own; the one that is filled and composited is dilated.
    """
    clip = read_clip(settings.dataset, name, frames)
    outputs: dict[Output, NDArray[np.uint8]] = {
        RAW: made.raw,
        COMPOSITED: masks.composite(made.raw, clip.rgb, made.filled),
    }
    spent = {"seconds_per_frame": made.cost.seconds / frames, "peak_memory_gib": made.cost.peak_memory_gib}
    rows = [
        table.assign(method=settings.name, sequence=name, output=output, **spent)
        for output, table in score_outputs(settings, clip, made.filled, outputs).items()
    ]
    return pd.concat(rows, ignore_index=True), outputs


def _on_device(settings: EvaluateCommand) -> bool:
    """Whether a CUDA device does the work."""
    if not METHODS[settings.method].learned:
        return False
    from inpainting.models.loading import resolve_device

    return resolve_device(settings.device).type == "cuda"


def _score_all(
    settings: EvaluateCommand, sequences: dict[str, int], waiting: list[str], examples: list[str], parts: Parts
) -> Iterator[str]:
    """Score the waiting sequences in several processes, or in this one alone.

    A learned method fills them one by one in this process, while others score what it has made.
    """
    jobs = [Job(name, sequences[name], name in examples) for name in waiting]
    score = partial(_score_part, settings, parts)
    if not jobs:
        return
    if settings.workers == 1:
        yield from map(score, _filled(settings, jobs))
        return
    with process_pool(min(settings.workers, len(jobs)), preload=score_sequence.__module__) as pool:
        if METHODS[settings.method].learned:
            # What waits to be scored is kept to two clips a process, for the memory.
            yield from mapped_ahead(pool, score, _filled(settings, jobs), ahead=2 * settings.workers)
        else:
            yield from mapped_ahead(pool, partial(_fill_and_score_part, settings, parts), jobs, ahead=len(jobs))


def _filled(settings: EvaluateCommand, jobs: list[Job]) -> Iterator[tuple[Job, Made]]:
    """The jobs with what one and the same method makes of their sequences, one by one as they are asked for."""
    method = load_method(settings)
    for job in jobs:
        yield job, fill_sequence(settings, method, job.sequence, job.frames)


def _fill_and_score_part(settings: EvaluateCommand, parts: Parts, job: Job) -> str:
    made = fill_sequence(settings, load_method(settings), job.sequence, job.frames)
    return _score_part(settings, parts, (job, made))


def _score_part(settings: EvaluateCommand, parts: Parts, filled: tuple[Job, Made]) -> str:
    job, made = filled
    scores, outputs = score_sequence(settings, job.sequence, job.frames, made)
    parts.write(job.sequence, scores, outputs if job.example else {})
    return job.sequence


def _provenance(settings: EvaluateCommand) -> dict[str, object]:
    inputs = {"split_file": file_digest(settings.split_file), "manifest": file_digest(settings.manifest)}
    method = METHODS[settings.method]
    leave_out = PLACES if method.learned else PLACES | LEARNED_ONLY
    if method.learned:
        from inpainting.models.loading import part_digest

        inputs |= {part: part_digest(settings.base, part) for part in ("transformer", "vae")}
    if settings.adapter:
        from inpainting.models.adapter_files import adapter_digest

        inputs["adapter"] = adapter_digest(settings.adapter)
    if settings.outputs:
        inputs["outputs"] = folder_digest(existing(settings.outputs, "--outputs", "a folder of another tool's frames"))
    return {
        "label": settings.name,
        "kind": method.kind,
        "description": method.description,
        **provenance.describe(settings, inputs, leave_out),
    }


def _digest(settings: EvaluateCommand, about: dict[str, object]) -> str:
    kept = settings.examples if settings.examples_out else 0
    return value_digest([about, COLUMNS, EVALUATION_VERSION, INPAINTING_VERSION, kept])[:16]
