"""The regions of a frame that errors are counted in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.video.clip import Frames
from inpainting.video.difference import exceeds, summed_difference
from inpainting.video.masks import Hole, dilate
from inpainting.video.settings import EFFECT_THRESHOLD

REGIONS = ("mask", "band", "effect", "outside", "frame")
"""mask: the hole itself; band: along its edge; effect: outside the dilated hole, where input and truth differ, which is
where a removed object left a shadow or reflection; outside: all but the hole; frame: everything."""

BAND = 3
"""Pixels that the band along the mask's edge reaches to either side of it."""


@dataclass(frozen=True)
class Regions:
    """Where a clip is scored, bool [frames, height, width] each; without an effect region its scores are unknown."""

    mask: Hole
    effect: Hole | None = None

    def of_frame(self, frame: int) -> dict[str, NDArray[np.bool_]]:
        """The frame's regions by name, bool [height, width], those that are REGIONS' but the whole frame."""
        hole = self.mask[frame]
        nowhere = np.zeros_like(hole)
        effect = nowhere if self.effect is None else self.effect[frame]
        return {"mask": hole, "band": edge_band(hole[None])[0], "effect": effect, "outside": ~hole}


def edge_band(hole: Hole, pixels: int = BAND) -> Hole:
    """Pixels within `pixels` of both a hole pixel and a known one: bool [frames, height, width].

    The frame's border is no edge: a hole that runs out of the picture has its band only where it meets known pixels.
    """
    return dilate(hole, pixels) & dilate(~hole, pixels)


def effect_region(rgb: Frames, truth: Frames, dilated: Hole) -> Hole:
    """Where input and truth differ by more than EFFECT_THRESHOLD outside the dilated hole: bool, as the hole."""
    pairs = zip(rgb, truth, strict=True)
    return np.stack([exceeds(summed_difference(*pair), EFFECT_THRESHOLD) for pair in pairs]) & ~dilated
