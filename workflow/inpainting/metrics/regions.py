"""Regions of a frame in which errors are measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.video.clip import Frames
from inpainting.video.difference import exceeds, summed_difference
from inpainting.video.masks import Hole, dilate
from inpainting.video.settings import EFFECT_THRESHOLD

REGIONS = ("mask", "band", "effect", "outside", "frame")
"""mask: the hole; band: along its edge; effect: outside the dilated hole where input and truth differ, because the
removed object left a shadow or reflection; outside: all but the hole; frame: all pixels."""

BAND_RADIUS = 3
"""Pixels to each side of the mask's edge that belong to the band."""


@dataclass(frozen=True)
class Regions:
    """Regions of a clip: bool [frames, height, width] each. Without `effect` the scores of that region are NaN.

    filled: the dilated hole, which a method fills and composites; without it the mask is taken.
    """

    mask: Hole
    effect: Hole | None = None
    filled: Hole | None = None

    def of_frame(self, frame: int) -> dict[str, NDArray[np.bool_]]:
        """Regions of one frame by name, bool [height, width]: all of REGIONS except the whole frame."""
        hole = self.mask[frame]
        effect = np.zeros_like(hole) if self.effect is None else self.effect[frame]
        return {"mask": hole, "band": edge_band(hole[None])[0], "effect": effect, "outside": ~hole}


def edge_band(hole: Hole, pixels: int = BAND_RADIUS) -> Hole:
    """Pixels within `pixels` of both a hole pixel and a known pixel: bool [frames, height, width].

    The frame's border is not an edge: a hole that touches it has a band only towards known pixels.
    """
    return dilate(hole, pixels) & dilate(~hole, pixels)


def effect_region(rgb: Frames, truth: Frames, dilated: Hole) -> Hole:
    """Where input and truth differ by more than EFFECT_THRESHOLD grey levels, mean over channels, outside the hole.

    rgb, truth: uint8 [frames, height, width, 3]; dilated: the dilated hole. Returns bool [frames, height, width].
    """
    pairs = zip(rgb, truth, strict=True)
    return np.stack([exceeds(summed_difference(*pair), EFFECT_THRESHOLD) for pair in pairs]) & ~dilated
