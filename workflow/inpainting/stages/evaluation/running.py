"""Run a method on the sequences and score its output: the model and the networks in this process, the rest in workers.

A sequence is decoded once: its frames go along with the output. Worker processes import neither torch nor diffusers.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from inpainting.artifacts.examples import COMPOSITED, RAW, Output
from inpainting.core.workers import map_prefetched, process_pool
from inpainting.metrics.registry import scored_by_networks
from inpainting.metrics.settings import WeightsSettings
from inpainting.stages.evaluation.cost import Cost, measured
from inpainting.stages.evaluation.methods import METHODS, Method, load_method
from inpainting.stages.evaluation.score_cache import ScoreCache
from inpainting.stages.evaluation.scoring import joined, score_outputs
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import Frames, SequenceClip, read_clip
from inpainting.video.masks import Hole

if TYPE_CHECKING:  # it imports torch
    from inpainting.metrics.networks import Networks


class Job(NamedTuple):
    """A sequence to score, and the number of its frames."""

    sequence: str
    frames: int


@dataclass(frozen=True)
class FilledClip:
    """A sequence and a method's output for it.

    raw: uint8 [frames, height, width, 3], not composited; filled: the dilated hole, bool [frames, height, width]; cost:
    NaN for another tool's output; by_networks: the scores of the networks, by output.
    """

    clip: SequenceClip
    raw: Frames
    filled: Hole
    cost: Cost
    by_networks: dict[Output, pd.DataFrame] = field(default_factory=dict)

    def outputs(self) -> dict[Output, Frames]:
        """Raw and composited frames, uint8 [frames, height, width, 3]."""
        return {RAW: self.raw, COMPOSITED: masks.composite(self.raw, self.clip.rgb, self.filled)}


def score_all(settings: EvaluateCommand, jobs: list[Job], cache: ScoreCache) -> Iterator[str]:
    """Score the sequences and cache their scores; yield their ids as they are done.

    With settings.workers above 1, worker processes score, and fill for a classical method; a learned method and the
    networks run in this process, on one sequence after the other.
    """
    score, networks = partial(_score, settings, cache), load_networks(settings)
    if not jobs:
        return
    if settings.workers == 1:
        yield from map(score, _with_networks(settings, networks, _fill_each(settings, jobs)))
        return
    # One sequence more than workers waits for its turn, which limits the memory.
    waiting = settings.workers + 1
    with process_pool(min(settings.workers, len(jobs)), preload=__name__) as pool:
        if METHODS[settings.method].learned:
            filled = _fill_each(settings, jobs)
        elif networks is not None:
            filled = map_prefetched(pool, partial(_fill_alone, settings), jobs, waiting)
        else:
            yield from map_prefetched(pool, partial(_fill_and_score, settings, cache), jobs, prefetch=len(jobs))
            return
        yield from map_prefetched(pool, score, _with_networks(settings, networks, filled), waiting)


def load_networks(settings: EvaluateCommand) -> "Networks | None":
    """The networks whose weights are given, on the settings' device; None if no metric has all that it needs."""
    if not scored_by_networks(settings.section(WeightsSettings).weights()):
        return None
    from inpainting.metrics.networks import Networks
    from inpainting.models.loading import resolve_device

    return Networks(settings.section(WeightsSettings), resolve_device(settings.device))


def fill(settings: EvaluateCommand, method: Method, job: Job) -> FilledClip:
    """Run the method on a sequence and measure its cost."""
    clip = read_clip(settings.dataset, job.sequence, job.frames, settings.folders)
    filled = method.hole(clip.mask)
    with measured(_on_device(settings)) as cost:
        raw = method.fill(clip)
    return FilledClip(clip, raw, filled, Cost(math.nan, math.nan) if settings.method == "external" else cost)


def score(settings: EvaluateCommand, made: FilledClip) -> tuple[pd.DataFrame, dict[Output, Frames]]:
    """A sequence's rows of the results (see `artifacts.scores`; without the column method), and its frames by output.

    Frames are uint8 [frames, height, width, 3]. Scores are computed in the hole of the mask itself; the hole that is
    filled and composited is dilated.
    """
    outputs = made.outputs()
    scores = [score_outputs(settings, made.clip, made.filled, outputs)]
    if made.by_networks:
        scores.append(made.by_networks)
    spent = {
        "seconds_per_frame": made.cost.seconds / len(made.raw),
        "peak_memory_gib": made.cost.peak_memory_gib,
    }
    rows = [
        table.assign(sequence=made.clip.sequence, output=output, **spent) for output, table in joined(*scores).items()
    ]
    return pd.concat(rows, ignore_index=True), outputs


def _on_device(settings: EvaluateCommand) -> bool:
    """Whether the method runs on a CUDA device."""
    if not METHODS[settings.method].learned:
        return False
    from inpainting.models.loading import resolve_device

    return resolve_device(settings.device).type == "cuda"


def _fill_each(settings: EvaluateCommand, jobs: list[Job]) -> Iterator[FilledClip]:
    """Load the method once and run it on each sequence."""
    method = load_method(settings)
    for job in jobs:
        yield fill(settings, method, job)


def _with_networks(
    settings: EvaluateCommand, networks: "Networks | None", filled: Iterable[FilledClip]
) -> Iterator[FilledClip]:
    """The filled sequences with the scores of the networks, if there are any."""
    for made in filled:
        if networks is None:
            yield made
        else:
            by_networks = score_outputs(settings, made.clip, made.filled, made.outputs(), networks)
            yield replace(made, by_networks=by_networks)


def _fill_alone(settings: EvaluateCommand, job: Job) -> FilledClip:
    return fill(settings, load_method(settings), job)


def _fill_and_score(settings: EvaluateCommand, cache: ScoreCache, job: Job) -> str:
    return _score(settings, cache, _fill_alone(settings, job))


def _score(settings: EvaluateCommand, cache: ScoreCache, made: FilledClip) -> str:
    cache.write(made.clip.sequence, *score(settings, made))
    return made.clip.sequence
