"""Paint moving objects over a clip: the clip becomes the truth, and input and mask are made from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inpainting.core.seeds import derive
from inpainting.video.images import Picture
from inpainting.video.objects import Sprite, draw_sprite, paste
from inpainting.video.outlines import Motion, draw_motion

COVERAGE = (0.04, 0.20)
"""Lowest and highest mean coverage of the objects, as in the sample sequences."""

ATTEMPTS = 8
"""Draws of objects until their coverage is in range; the last draw is kept if none is."""

COVERAGE_FRAMES = 9
"""Frames, spread over the sequence, in which the coverage is measured."""


class Shapes:
    """One to three moving, textured objects with soft shadows; they depend on seed and name alone."""

    def __init__(self, seed: int, name: str, frames: int, size: tuple[int, int]) -> None:
        rng = np.random.default_rng(derive(seed, "import.shapes", name))
        blank = np.zeros((size[1], size[0], 3), np.uint8)
        numbers = np.unique(np.linspace(0, frames - 1, COVERAGE_FRAMES).round().astype(int))
        for _ in range(ATTEMPTS):
            self.objects = draw(rng, frames, size)
            coverage = np.mean([self.paint(blank, int(number))[1].mean() for number in numbers])
            if COVERAGE[0] <= coverage <= COVERAGE[1]:
                break

    def paint(self, truth: Picture, number: int) -> tuple[Picture, NDArray[np.bool_]]:
        """Frame `number` (from 0) with the objects painted over it, uint8 [height, width, 3], and the objects' hole.

        The hole includes the objects' soft edges, through which the truth is partly visible, but not their shadows.
        """
        clip = truth[None].astype(np.float32) / np.float32(255)
        hole = np.zeros(truth.shape[:2], np.bool_)
        for sprite, motion in self.objects:
            hole |= paste(clip, sprite, _at(motion, number))[0] > 0
        return (np.clip(clip[0], 0, 1) * 255 + 0.5).astype(np.uint8), hole


def draw(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> list[tuple[Sprite, Motion]]:
    """One to three objects with their motions over `frames` frames of `size` (width, height)."""
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    shares = rng.dirichlet(np.full(count, 4.0)) * rng.uniform(0.05, 0.16)
    radii = [float(np.sqrt(share * size[0] * size[1] / np.pi)) for share in shares]
    return [(draw_sprite(rng, radius), draw_motion(rng, frames, size, radius)) for radius in radii]


def _at(motion: Motion, number: int) -> Motion:
    here = slice(number, number + 1)
    return replace(motion, x=motion.x[here], y=motion.y[here], scale=motion.scale[here], angle=motion.angle[here])
