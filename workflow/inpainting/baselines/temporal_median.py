"""Filling a hole from other frames at the same position."""

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.baseline import Baseline
from inpainting.baselines.per_frame import GREY_LEVEL, telea
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole


def temporal_median(rgb: Frames, hole: Hole) -> Frames:
    """At each hole pixel the median over the frames in which it is known; nearly perfect for a static camera.

    Pixels that are unknown in all frames are filled by Telea on the image of medians, equally in all frames.
    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    """
    medians = _known_median(rgb, hole)
    never: Hole = np.asarray(hole.all(axis=0, keepdims=True))
    plate = telea(medians[None], never)
    return np.where(hole[..., None], plate, rgb)


def _known_median(rgb: Frames, hole: Hole) -> NDArray[np.uint8]:
    """Median over the frames in which a pixel is known: uint8 [height, width, 3]; GREY_LEVEL if there is none.

    For an even number of frames it is the mean of the middle two, rounded half up.
    """
    unknown = np.iinfo(np.int16).max
    ordered = np.sort(np.where(hole[..., None], unknown, rgb.astype(np.int16)), axis=0)
    count = (~hole).sum(axis=0)
    lower, upper = (
        np.take_along_axis(ordered, np.maximum(place, 0)[None, ..., None], axis=0)[0]
        for place in ((count - 1) // 2, count // 2)
    )
    median = (lower.astype(np.int32) + upper + 1) // 2
    return np.where(count[..., None] > 0, median, GREY_LEVEL).astype(np.uint8)


TEMPORAL_MEDIAN = Baseline(
    "temporal_median",
    temporal_median,
    "median over the frames in which the pixel is known",
    condition="temporal_median",
)
