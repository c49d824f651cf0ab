"""`inpaint evaluate`: score one method on the sequences of one split."""

import logging
import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.clips import choose_sequences, read_clip
from inpainting.artifacts.scores import write_results
from inpainting.core import provenance
from inpainting.core.files import file_digest, folder_digest, value_digest
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.core.workers import process_pool
from inpainting.sampling.settings import INPAINTING_VERSION
from inpainting.stages.evaluation.cost import Cost, measured
from inpainting.stages.evaluation.methods import LEARNED, LEARNED_ONLY, Method, description_of, kind_of, load_method
from inpainting.stages.evaluation.partial_results import Parts
from inpainting.stages.evaluation.scoring import score_outputs
from inpainting.stages.evaluation.settings import EVALUATION_VERSION, EvaluateCommand
from inpainting.video import masks
from inpainting.video.masks import Hole

log = logging.getLogger(__name__)

PLACES = {"dataset", "manifest", "split_file", "adapter", "outputs", "out", "examples_out", "workers"}
"""Settings that say where things are; what they hold is in the provenance as digests."""


def evaluate(settings: EvaluateCommand) -> None:
    """Write the scores of one method's raw and composited output, and the frames of the examples."""
    settings = with_chosen_steps(settings)
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
    from inpainting.models.adapter import read_adapter_config

    adapter = existing(settings.adapter, "--adapter", "a folder that training wrote")
    chosen = read_adapter_config(adapter).sampling_steps
    if chosen is None:
        return settings
    log.info("%s: as many denoising steps as validation chose: %d", settings.name, chosen)
    return settings.model_copy(update={"steps": chosen})


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
) -> tuple[pd.DataFrame, dict[str, NDArray[np.uint8]]]:
    """A sequence's rows of the results (`results.COLUMNS`), and its frames by output.

    The hole that is scored is the mask's own; the one that is filled and composited is dilated.
    """
    clip = read_clip(settings.dataset, name, frames)
    outputs = {"raw": made.raw, "composited": masks.composite(made.raw, clip.rgb, made.filled)}
    spent = {"seconds_per_frame": made.cost.seconds / frames, "peak_memory_gib": made.cost.peak_memory_gib}
    rows = [
        table.assign(method=settings.name, sequence=name, output=output, **spent)
        for output, table in score_outputs(settings, clip, made.filled, outputs).items()
    ]
    return pd.concat(rows, ignore_index=True), outputs


def _on_device(settings: EvaluateCommand) -> bool:
    """Whether a CUDA device does the work."""
    if settings.method not in LEARNED:
        return False
    from inpainting.models.loading import resolve_device

    return resolve_device(settings.device).type == "cuda"


def _score_all(
    settings: EvaluateCommand, sequences: dict[str, int], waiting: list[str], examples: list[str], parts: Parts
) -> Iterator[str]:
    """Score the waiting sequences in several processes, or in this one alone.

    A learned method fills them one by one in this process, while others score what it has made.
    """
    jobs = [(name, sequences[name], name in examples) for name in waiting]
    if not jobs:
        return
    if settings.workers == 1:
        method = load_method(settings)
        for job in jobs:
            yield _score_part(settings, parts, *job, fill_sequence(settings, method, *job[:2]))
        return
    with process_pool(min(settings.workers, len(jobs)), preload=score_sequence.__module__) as pool:
        if settings.method in LEARNED:
            yield from _score_behind(settings, parts, jobs, pool)
        else:
            for future in [pool.submit(_fill_and_score_part, settings, parts, *job) for job in jobs]:
                yield future.result()


def _score_behind(
    settings: EvaluateCommand, parts: Parts, jobs: list[tuple[str, int, bool]], pool: ProcessPoolExecutor
) -> Iterator[str]:
    """Fill here and score there; what waits to be scored is kept to two clips a process, for the memory."""
    method = load_method(settings)
    waiting: deque[Future[str]] = deque()
    for job in jobs:
        made = fill_sequence(settings, method, *job[:2])
        waiting.append(pool.submit(_score_part, settings, parts, *job, made))
        if len(waiting) >= 2 * settings.workers:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def _fill_and_score_part(settings: EvaluateCommand, parts: Parts, name: str, frames: int, example: bool) -> str:
    made = fill_sequence(settings, load_method(settings), name, frames)
    return _score_part(settings, parts, name, frames, example, made)


def _score_part(settings: EvaluateCommand, parts: Parts, name: str, frames: int, example: bool, made: Made) -> str:
    scores, outputs = score_sequence(settings, name, frames, made)
    parts.write(name, scores, outputs if example else {})
    return name


def _provenance(settings: EvaluateCommand) -> dict[str, object]:
    inputs = {"split_file": file_digest(settings.split_file), "manifest": file_digest(settings.manifest)}
    leave_out = PLACES if settings.method in LEARNED else PLACES | LEARNED_ONLY
    if settings.method in LEARNED:
        from inpainting.models.loading import part_digest

        inputs |= {part: part_digest(settings.base, part) for part in ("transformer", "vae")}
    if settings.adapter:
        inputs["adapter"] = folder_digest(settings.adapter)
    if settings.outputs:
        inputs["outputs"] = folder_digest(existing(settings.outputs, "--outputs", "a folder of another tool's frames"))
    return {
        "label": settings.name,
        "kind": kind_of(settings.method),
        "description": description_of(settings.method),
        **provenance.describe(settings, inputs, leave_out),
    }


def _digest(settings: EvaluateCommand, about: dict[str, object]) -> str:
    kept = settings.examples if settings.examples_out else 0
    return value_digest([about, EVALUATION_VERSION, INPAINTING_VERSION, kept])[:16]
