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
from inpainting.artifacts.manifest import choose_sequences, sequence_digests
from inpainting.artifacts.scores import EVALUATION_VERSION, write_results
from inpainting.baselines.settings import FillSettings
from inpainting.core import provenance
from inpainting.core.files import folder_digest, value_digest
from inpainting.core.item_cache import ItemCache
from inpainting.core.progress import tracked
from inpainting.core.settings import Settings, existing
from inpainting.core.workers import map_prefetched, process_pool
from inpainting.metrics.registry import METRIC_COLUMNS
from inpainting.models.settings import ModelSettings
from inpainting.sampling.settings import INPAINTING_VERSION
from inpainting.stages.evaluation.cost import Cost, measured
from inpainting.stages.evaluation.external import output_digests
from inpainting.stages.evaluation.methods import METHODS, Method, load_method
from inpainting.stages.evaluation.score_cache import ScoreCache
from inpainting.stages.evaluation.scoring import score_outputs
from inpainting.stages.evaluation.settings import (
    EvaluateCommand,
    ExtrasSettings,
    SelectionSettings,
    StepsSettings,
)
from inpainting.video import masks
from inpainting.video.clip import read_clip
from inpainting.video.masks import Hole
from inpainting.video.settings import HoleSettings, MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def evaluate(settings: EvaluateCommand) -> None:
    """Score one method's raw and composited output; write the scores and the frames of the examples."""
    settings = with_chosen_steps(settings)
    _check_base(settings)
    sequences = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, settings.split, settings.frames, settings.limit
    )
    names = list(sequences)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    log.info("%s: %d %s sequences: %s%s", settings.name, len(names), settings.split, ", ".join(names[:8]), more)
    digests = sequence_digests(settings.manifest, names)
    keys = sequence_keys(settings, sequences, digests)
    examples = None
    if settings.examples_out is not None:
        examples = ItemCache(settings.examples_out, {name: keys[name] for name in names[: settings.examples]})
    cache = ScoreCache(ItemCache(settings.out.with_suffix(".items"), keys), examples)
    jobs = [Job(name, sequences[name]) for name in cache.missing()]
    log.info("%d of %d sequences are new or changed", len(jobs), len(names))
    for _ in tracked(_score_all(settings, jobs, cache), "evaluate", "sequences", len(jobs)):
        pass
    cache.finish_examples()
    write_results(settings.out, cache.table().assign(method=settings.name), _provenance(settings, digests))


def with_chosen_steps(settings: EvaluateCommand) -> EvaluateCommand:
    """The settings with the number of denoising steps that validation chose for the adapter, if it chose one.

    Raises UsageError if the adapter's folder does not exist, InputError if it holds no adapter.
    """
    if settings.adapter is None:
        return settings
    from inpainting.conditioning.adapter import read_adapter_config

    adapter = existing(settings.adapter, "--adapter", "a folder that training wrote")
    steps = read_adapter_config(adapter).sampling_steps
    if steps is None:
        return settings
    log.info("%s: %d denoising steps, as chosen by validation", settings.name, steps)
    return settings.model_copy(update={"steps": steps})


def _check_base(settings: EvaluateCommand) -> None:
    """Raise UsageError if a learned method's base, or without an adapter its window length, is not supported."""
    if not METHODS[settings.method].learned:
        return
    from inpainting.models import bases

    family = bases.family(settings.base)
    if settings.adapter is None:
        bases.check_window(family, settings.window)


class Job(NamedTuple):
    """A sequence to score, and the number of its frames."""

    sequence: str
    frames: int


@dataclass(frozen=True)
class MethodOutput:
    """A method's output for a sequence.

    raw: uint8 [frames, height, width, 3], not composited; filled: the dilated hole, bool [frames, height, width].
    """

    raw: NDArray[np.uint8]
    filled: Hole
    cost: Cost


def fill_sequence(settings: EvaluateCommand, method: Method, name: str, frames: int) -> MethodOutput:
    """Run the method on a sequence and measure its cost, which is NaN for another tool's output."""
    clip = read_clip(settings.dataset, name, frames, settings.folders)
    filled = method.hole(clip.mask)
    with measured(_on_device(settings)) as cost:
        raw = method.fill(clip)
    return MethodOutput(raw, filled, Cost(math.nan, math.nan) if settings.method == "external" else cost)


def score_sequence(
    settings: EvaluateCommand, name: str, frames: int, made: MethodOutput
) -> tuple[pd.DataFrame, dict[Output, NDArray[np.uint8]]]:
    """A sequence's rows of the results (see `artifacts.scores`; without the column method), and its frames by output.

    Frames are uint8 [frames, height, width, 3]. Scores are computed in the hole of the mask itself; the hole that is
    filled and composited is dilated.
    """
    clip = read_clip(settings.dataset, name, frames, settings.folders)
    outputs: dict[Output, NDArray[np.uint8]] = {
        RAW: made.raw,
        COMPOSITED: masks.composite(made.raw, clip.rgb, made.filled),
    }
    spent = {"seconds_per_frame": made.cost.seconds / frames, "peak_memory_gib": made.cost.peak_memory_gib}
    rows = [
        table.assign(sequence=name, output=output, **spent)
        for output, table in score_outputs(settings, clip, made.filled, outputs).items()
    ]
    return pd.concat(rows, ignore_index=True), outputs


def _on_device(settings: EvaluateCommand) -> bool:
    """Whether the method runs on a CUDA device."""
    if not METHODS[settings.method].learned:
        return False
    from inpainting.models.loading import resolve_device

    return resolve_device(settings.device).type == "cuda"


def _score_all(settings: EvaluateCommand, jobs: list[Job], cache: ScoreCache) -> Iterator[str]:
    """Score the sequences, with several processes if settings.workers is above 1; yield their ids as they are done.

    A learned method runs in this process, on one sequence after the other, while worker processes score its output.
    """
    score = partial(_score, settings, cache)
    if not jobs:
        return
    if settings.workers == 1:
        yield from map(score, _run_method(settings, jobs))
        return
    with process_pool(min(settings.workers, len(jobs)), preload=score_sequence.__module__) as pool:
        if METHODS[settings.method].learned:
            # At most two outputs per worker wait to be scored, which limits the memory.
            yield from map_prefetched(pool, score, _run_method(settings, jobs), prefetch=2 * settings.workers)
        else:
            yield from map_prefetched(pool, partial(_fill_and_score, settings, cache), jobs, prefetch=len(jobs))


def _run_method(settings: EvaluateCommand, jobs: list[Job]) -> Iterator[tuple[Job, MethodOutput]]:
    """Load the method once; yield each job with the method's output for it."""
    method = load_method(settings)
    for job in jobs:
        yield job, fill_sequence(settings, method, *job)


def _fill_and_score(settings: EvaluateCommand, cache: ScoreCache, job: Job) -> str:
    return _score(settings, cache, (job, fill_sequence(settings, load_method(settings), *job)))


def _score(settings: EvaluateCommand, cache: ScoreCache, filled: tuple[Job, MethodOutput]) -> str:
    job, made = filled
    cache.write(job.sequence, *score_sequence(settings, *job, made))
    return job.sequence


def sequence_keys(settings: EvaluateCommand, sequences: dict[str, int], digests: dict[str, str]) -> dict[str, str]:
    """The cache key by sequence: a digest of its frames and of settings, models, columns and versions."""
    versions = [EVALUATION_VERSION, INPAINTING_VERSION]
    shaping = [shaping_settings(settings), _model_digests(settings), list(METRIC_COLUMNS), *versions]
    external = {} if settings.outputs is None else output_digests(settings.outputs, sequences)
    return {
        name: value_digest([*shaping, name, frames, digests[name], external.get(name)])
        for name, frames in sequences.items()
    }


def shaping_settings(settings: EvaluateCommand) -> dict[str, object]:
    """The settings that change a sequence's scores; for a classical method, no settings of models, windows and steps.

    The masks, windows and fill of an adapter are stored with it and are part of its digest. The settings of the hole
    still count, because scores are computed in it.
    """
    shaping: dict[str, object] = {"method": settings.method}
    parts: list[type[Settings]] = [ExtrasSettings, HoleSettings if settings.adapter else MaskSettings]
    if METHODS[settings.method].learned:
        from inpainting.models import loading

        shaping |= {"seed": settings.seed} | loading.precisions(settings.section(ModelSettings))
        parts += [StepsSettings] if settings.adapter else [StepsSettings, WindowSettings, FillSettings]
    for part in parts:
        shaping |= settings.section(part).shaping()
    return shaping


def _model_digests(settings: EvaluateCommand) -> dict[str, str]:
    """Digests of the weights that a method uses, by part."""
    if not METHODS[settings.method].learned:
        return {}
    from inpainting.models.adapter_files import adapter_digest
    from inpainting.models.loading import part_digest

    digests = {part: part_digest(settings.base, part) for part in ("transformer", "vae")}
    return digests if settings.adapter is None else digests | {"adapter": adapter_digest(settings.adapter)}


def _provenance(settings: EvaluateCommand, digests: dict[str, str]) -> dict[str, object]:
    inputs = {"sequences": value_digest(sorted(digests.items())), **_model_digests(settings)}
    if settings.uses_model():
        from inpainting.models import bases

        inputs |= bases.provenance(settings.base)
    if settings.outputs is not None:
        inputs["outputs"] = folder_digest(settings.outputs)
    selection = settings.section(SelectionSettings).shaping() | {"frames": settings.frames}
    method = METHODS[settings.method]
    return {
        "label": settings.name,
        "kind": method.kind,
        "description": method.description,
        **provenance.describe(selection | shaping_settings(settings), inputs),
    }
