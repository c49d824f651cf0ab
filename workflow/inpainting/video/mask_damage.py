"""Damage of masks as trackers and people make it: frames without a mask, and masks that miss a part of the object.

Only what a model is shown is damaged, never the hole in which it is trained or scored. Source of the idea: SVOR,
arXiv 2603.09283.
"""

import cv2
import numpy as np

from inpainting.video.masks import Hole, disc

ERODED_SHARE = 0.25
"""Of a hole's radius (that of a disc of its area), by which a mask is eroded."""


def half_damaged(hole: Hole, rng: np.random.Generator) -> Hole:
    """A copy of a hole, bool [frames, height, width], with half of its masks damaged.

    A quarter of the frames, chosen at random, have an empty mask, another quarter an eroded one.
    """
    damaged = hole.copy()
    chosen = rng.permutation(len(hole))[: len(hole) // 2]
    for number, frame in enumerate(chosen):
        damaged[frame] = False if number % 2 == 0 else eroded(hole[frame])
    return damaged


def eroded(hole: Hole) -> Hole:
    """One mask, bool [height, width], eroded by ERODED_SHARE of its radius, at least one pixel."""
    radius = float(np.sqrt(hole.sum() / np.pi))
    pixels = max(1, round(ERODED_SHARE * radius))
    return np.asarray(cv2.erode(hole.astype(np.uint8), disc(pixels), borderValue=1)).astype(bool)
