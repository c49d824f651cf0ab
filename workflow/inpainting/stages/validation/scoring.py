"""Inpaint sequences in this process, while worker processes read the next ones and score the finished ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import pandas as pd

from inpainting.artifacts.validation_pictures import write_picture
from inpainting.baselines.fills import fill
from inpainting.core import seeds
from inpainting.core.files import write_table
from inpainting.core.item_cache import ItemCache
from inpainting.core.workers import map_prefetched, process_pool
from inpainting.metrics.by_region import BY_REGION
from inpainting.metrics.crop import square_around
from inpainting.metrics.detail import DETAIL
from inpainting.metrics.metric import Reference
from inpainting.metrics.regions import Regions
from inpainting.models.settings import InferenceSettings
from inpainting.stages.validation.settings import ValidateCommand
from inpainting.video import masks
from inpainting.video.clip import Frames, read_clip
from inpainting.video.masks import Hole

if TYPE_CHECKING:  # worker processes need neither torch nor diffusers
    from inpainting.conditioning.adapter import AdapterConfig

SCORES_FILE = "frames.parquet"
"""A scored sequence's file in the cache: the scores of its frames."""

PICTURE_SIDE = 256
"""Largest side in pixels of what a picture shows."""

Caches = Mapping[int, ItemCache]
"""The caches of scores, by number of denoising steps."""


class Job(NamedTuple):
    """A sequence to score, the number of its frames, and the numbers of denoising steps to try."""

    sequence: str
    frames: int
    steps: tuple[int, ...]


class FilledClip(NamedTuple):
    """A sequence whose hole is filled: frames and truth, uint8 [frames, height, width, 3], and its holes.

    hole: the masks' own, which is scored; united: see `masks.unite`, which is inpainted; seconds: what the fill took.
    """

    frames: Frames
    truth: Frames
    hole: Hole
    united: Hole
    seconds: float


class Output(NamedTuple):
    """The raw output for a number of denoising steps, uint8 [frames, height, width, 3], and its seconds per frame."""

    steps: int
    frames: Frames
    seconds_per_frame: float


def score_all(settings: ValidateCommand, config: AdapterConfig, jobs: list[Job], caches: Caches) -> Iterator[str]:
    """Score the sequences and add the scores to the caches; yield their ids as they are done.

    With several workers, this process only denoises. At most `workers` sequences wait before and after it, which limits
    the memory.
    """
    read = partial(_read, settings, config)
    score = partial(_score, caches)
    if not jobs:
        return
    if settings.workers == 1:
        yield from map(score, _inpaint_all(settings, map(read, jobs)))
        return
    with process_pool(min(settings.workers, len(jobs)), preload=__name__) as pool:
        filled = map_prefetched(pool, read, jobs, prefetch=settings.workers)
        yield from map_prefetched(pool, score, _inpaint_all(settings, filled), prefetch=settings.workers)


def _read(settings: ValidateCommand, config: AdapterConfig, job: Job) -> tuple[Job, FilledClip]:
    clip = read_clip(settings.dataset, job.sequence, job.frames, settings.folders)
    hole = masks.to_hole(clip.mask, config.masks)
    united = masks.unite(hole, config.masks.mask_union)
    begin = perf_counter()
    filled = fill(clip.rgb, masks.dilate(united, config.masks.mask_dilation), config.condition.condition_source)
    return job, FilledClip(filled, clip.truth, hole, united, perf_counter() - begin)


def _inpaint_all(
    settings: ValidateCommand, filled: Iterable[tuple[Job, FilledClip]]
) -> Iterator[tuple[Job, FilledClip, list[Output]]]:
    """Load the model once; yield each sequence with its outputs."""
    from inpainting.sampling.loading import load_pipeline, noise_generator

    pipeline = load_pipeline(settings.section(InferenceSettings), settings.checkpoint / "adapter")
    for job, clip in filled:
        outputs = []
        for steps in job.steps:
            generator = noise_generator(seeds.derive(settings.seed, "validation.noise", job.sequence))
            begin = perf_counter()
            raw = pipeline(
                clip.frames, clip.united, num_inference_steps=steps, generator=generator, filled=True, composite=False
            ).frames
            outputs.append(Output(steps, raw, (clip.seconds + perf_counter() - begin) / job.frames))
        yield job, clip, outputs


def _score(caches: Caches, inpainted: tuple[Job, FilledClip, list[Output]]) -> str:
    job, clip, outputs = inpainted
    for output in outputs:
        reference = Reference(clip.truth, Regions(clip.hole))
        scored = [metric.score(output.frames, reference) for metric in (BY_REGION, DETAIL) if metric.score]
        table = pd.concat(scored, axis=1).assign(
            sequence=job.sequence, sampling_steps=output.steps, seconds_per_frame=output.seconds_per_frame
        )
        with caches[output.steps].adding(job.sequence) as folder:
            write_table(folder / SCORES_FILE, table)
            _write_picture(folder, clip, output.frames)
    return job.sequence


def _write_picture(folder: Path, clip: FilledClip, output: Frames) -> None:
    """Keep the square around the hole where it is largest, of truth and output; none without a hole."""
    frame = int(clip.hole.sum(axis=(1, 2)).argmax())
    square = square_around(clip.hole[frame])
    if square is None:
        return
    crops = [image[frame][square] for image in (clip.truth, output)]
    side = min(PICTURE_SIDE, len(crops[0]))
    write_picture(folder, *(np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)) for crop in crops))
