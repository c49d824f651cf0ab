"""`inpaint sample`: synthetic object-removal sequences, a scene with and without pasted objects and their shadows.

The demo, the tests and the pretraining use them in place of a real dataset.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.sample_table import SAMPLE_TABLE
from inpainting.core.progress import tracked
from inpainting.core.seeds import derive
from inpainting.core.settings import parse_size
from inpainting.core.workers import process_pool
from inpainting.stages.dataset.dynamic_scenes import draw_dynamic_scene
from inpainting.stages.dataset.scenes import draw_scene
from inpainting.stages.dataset.settings import SampleCommand
from inpainting.video.objects import draw_sprite, paste
from inpainting.video.outlines import draw_motion
from inpainting.video.sequence import write_sequence

COVERAGE = (0.04, 0.20)
"""Lowest and highest mean share of masked pixels."""

MOVING_TRUTH_SHARE = 0.25
"""Share of the sequences without a dynamic scene whose truth contains a moving object."""

MAX_ATTEMPTS = 8
"""Attempts to place objects with a mask within COVERAGE; if none succeeds, the last one is kept."""

SampleRow = tuple[str, str, str, float]
"""A row of sample.tsv: id, scene, camera, coverage."""


@dataclass(frozen=True)
class SampleSequence:
    """One object-removal sequence.

    rgb: input with the objects, uint8 [frames, height, width, 3]; mask: 255 on the objects, else 0, uint8
    [frames, height, width]; truth: the scene without objects, uint8 [frames, height, width, 3]; scene: name of the
    photograph, "texture" or "plain"; camera: "moving" or "still".
    """

    id: str
    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    scene: str
    camera: str

    @property
    def coverage(self) -> float:
        """Share of masked pixels, 0..1."""
        return float((self.mask > 0).mean())


def sample(settings: SampleCommand) -> None:
    """Write the sequences below `settings.out` in the dataset's layout, and sample.tsv."""
    import pandas as pd

    make = functools.partial(write_one, settings)
    with process_pool(settings.workers, preload=write_one.__module__) as pool:
        made = pool.map(make, range(settings.sequences), chunksize=max(1, min(16, settings.sequences // 8)))
        rows = list(tracked(made, "sample", "sequences", settings.sequences))
    SAMPLE_TABLE.write(settings.out / "sample.tsv", pd.DataFrame(rows, columns=list(SAMPLE_TABLE.columns)))


def write_one(settings: SampleCommand, index: int) -> SampleRow:
    """Make and write sequence `index`; returns its row of sample.tsv."""
    size = parse_size(settings.size)
    made = make_sequence(settings.seed, index, settings.frames, size, settings.still, settings.dynamic_share)
    write_sequence(Path(settings.out) / made.id, made.rgb, made.mask, made.truth, folders=settings.folders)
    return made.id, made.scene, made.camera, round(made.coverage, 4)


def make_sequence(
    seed: int, index: int, frames: int, size: tuple[int, int], still: float = 0.15, dynamic_share: float = 0
) -> SampleSequence:
    """Make sequence number `index`; the same arguments give the same sequence.

    size: (width, height) in pixels; still: probability of a still camera; dynamic_share: probability of a dynamic
    scene.
    """
    rng = np.random.default_rng(derive(seed, "sample", index))
    dynamic_rng = np.random.default_rng(derive(seed, "sample lively", index))  # a new name would change sequences
    if dynamic_rng.random() < dynamic_share:
        truth, scene, camera = draw_dynamic_scene(rng, frames, size, still)
    else:
        truth, scene, camera = draw_scene(rng, frames, size, still)
        if rng.random() < MOVING_TRUTH_SHARE:
            radius = rng.uniform(0.06, 0.14) * size[1]
            paste(truth, draw_sprite(rng, radius), draw_motion(rng, frames, size, radius))
    truth = quantise(truth).astype(np.float32) / np.float32(255)
    for _ in range(MAX_ATTEMPTS):
        rgb, mask = add_objects(rng, truth)
        if COVERAGE[0] <= (mask > 0).mean() <= COVERAGE[1]:
            break
    name = f"{derive(seed, 'sample id', index):016x}"
    return SampleSequence(name, quantise(rgb), mask, quantise(truth), scene, camera.kind)


def add_objects(rng: np.random.Generator, truth: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Paste one to three objects over a clip, float32 [frames, height, width, 3] in 0..1.

    Returns the new clip and the objects' mask, uint8 [frames, height, width], 255 or 0.
    """
    frames, height, width = truth.shape[:3]
    rgb = truth.copy()
    mask = np.zeros((frames, height, width), np.uint8)
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    shares = rng.dirichlet(np.full(count, 4.0)) * rng.uniform(0.05, 0.16)
    for share in shares:
        radius = float(np.sqrt(share * width * height / np.pi))
        matte = paste(rgb, draw_sprite(rng, radius), draw_motion(rng, frames, (width, height), radius))
        mask[matte > 0] = 255
    return rgb, mask


def quantise(clip: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A clip [frames, height, width, 3] with values 0..1 as uint8 0..255, rounded."""
    return (np.clip(clip, 0, 1) * 255 + 0.5).astype(np.uint8)
