"""Speed of scoring: `PYTHONPATH=workflow .venv/bin/python benchmarks/evaluation.py [FRAMES]`.

Scores blurred clips of 640x480, first in one process, then in as many as there are cores. Prints the time of each
metric, the speed-up, SSIM compared with scikit-image's, and the minutes for 100 sequences of 49 frames. FRAMES per clip
is 9 by default. Run it on an idle machine.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from inpainting.artifacts.examples import Output
from inpainting.core.workers import process_pool
from inpainting.metrics.metric import Reference
from inpainting.metrics.motion import motion_of
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.registry import METRICS
from inpainting.metrics.ssim import ssim
from inpainting.stages.evaluation.scoring import score_outputs
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import SequenceClip
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

WIDTH, HEIGHT, FRAMES, SEQUENCES = 640, 480, 49, 100
SETTINGS = EvaluateCommand(
    method="telea", dataset=Path(), manifest=Path(), split_file=Path(), out=Path("x.parquet"), mask_dilation=4
)


def clip_of(seed: int, frames: int) -> tuple[SequenceClip, NDArray[np.uint8]]:
    """A textured scene that pans under a moving mask, and the same blurred, which stands for an output."""
    rng = np.random.default_rng(seed)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH + 4 * frames, 3)).astype(np.uint8), (0, 0), 2)
    truth = np.stack([scene[:, 4 * i : 4 * i + WIDTH] for i in range(frames)])
    mask = np.zeros((frames, HEIGHT, WIDTH), np.uint8)
    for i in range(frames):
        cv2.circle(mask[i], (200 + 3 * i, 240), 100, 255, -1)
    output = np.stack([cv2.GaussianBlur(frame, (0, 0), 1) for frame in truth])
    shaded = np.where(mask[..., None] > 0, np.uint8(20), truth)
    return SequenceClip(str(seed), shaded, mask, truth), output


def score(seed: int, frames: int) -> float:
    """Make one clip and score it; returns the seconds of scoring alone."""
    clip, output = clip_of(seed, frames)
    filled = masks.dilate(masks.to_hole(clip.mask, SETTINGS), SETTINGS.mask_dilation)
    outputs: dict[Output, NDArray[np.uint8]] = {
        "raw": output,
        "composited": masks.composite(output, clip.rgb, filled),
    }
    begin = perf_counter()
    score_outputs(SETTINGS, clip, filled, outputs)
    return perf_counter() - begin


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of a function call."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def kernels(frames: int) -> dict[str, float]:
    """Milliseconds per frame of each metric, and of scikit-image's SSIM."""
    clip, output = clip_of(0, frames)
    hole = masks.to_hole(clip.mask, SETTINGS)
    reference = Reference(clip.truth, Regions(hole, effect_region(clip.rgb, clip.truth, hole)))
    reference.cached(motion_of)
    pairs = list(zip(output, clip.truth, strict=True))
    work: dict[str, Callable[[], object]] = {
        **{metric.title: partial(metric.score, output, reference) for metric in METRICS if metric.score},
        "SSIM by region": lambda: [ssim(a, b) for a, b in pairs],
        "SSIM by scikit-image": lambda: [
            structural_similarity(a, b, data_range=255, channel_axis=-1, full=True) for a, b in pairs
        ],
        "the truth's flow, once": lambda: motion_of(clip.truth),
    }
    return {name: 1000 * seconds(job) / frames for name, job in work.items()}


def main() -> None:
    """Measure and print."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    cores = os.cpu_count() or 1
    cv2.setNumThreads(1)
    costs = kernels(frames)
    for name, cost in costs.items():
        print(f"{name:32} {cost:8.1f} ms per frame")
    print(f"SSIM is {costs['SSIM by scikit-image'] / costs['SSIM by region']:.1f} times as fast as scikit-image's")
    clips = 2 * cores
    score(0, 2)
    alone = seconds(lambda: [score(seed, frames) for seed in range(cores)]) / cores
    with process_pool(cores, preload="inpainting.stages.evaluation.scoring") as pool:
        list(pool.map(score, range(cores), [2] * cores))
        scoring: list[float] = []
        together = seconds(lambda: scoring.extend(pool.map(score, range(clips), [frames] * clips))) / clips
    print(f"{cores} processes make and score clips {alone / together:.2f} times as fast as one")
    print(f"a clip of {frames} frames, raw and composited: {sum(scoring) / clips:.2f} s, all {cores} cores at work")
    minutes = sum(scoring) / clips / cores / frames * FRAMES * SEQUENCES / 60
    print(f"{SEQUENCES} sequences of {FRAMES} frames at {WIDTH}x{HEIGHT}: {minutes:.1f} minutes per method")


if __name__ == "__main__":
    main()
