"""Measures of what frames show: how input and truth differ, how camera and mask move."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.difference import exceeds, summed_difference

MOTION_SIDE = 160
"""Pixels of the longer side at which motion is measured."""


@dataclass(frozen=True)
class Difference:
    """|RGB - GT| of one frame.

    inside, outside: sums over the hole and the rest of the mean over channels, 0..255 a pixel; hole, known: their
    pixels; effect, around: pixels outside the dilated hole that differ more than the threshold, and all of these.
    """

    inside: float
    outside: float
    hole: int
    known: int
    effect: int
    around: int


def difference(
    rgb: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    around: NDArray[np.bool_],
    effect_threshold: float,
) -> Difference:
    """Compare input and truth, uint8 [height, width, 3], inside and outside the hole, and outside the dilated one."""
    levels = summed_difference(rgb, truth)
    total, inside = int(levels.sum()), int(levels[hole].sum())
    return Difference(
        inside=inside / 3,
        outside=(total - inside) / 3,
        hole=int(np.count_nonzero(hole)),
        known=int(np.count_nonzero(~hole)),
        effect=int(np.count_nonzero(around & exceeds(levels, effect_threshold))),
        around=int(np.count_nonzero(around)),
    )


def share(part: float, whole: float) -> float | None:
    """part / whole, or None where the whole is nothing."""
    return part / whole if whole else None


def motion_view(truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A true frame [height, width, 3] as `motion` takes it: grey, the longer side at most MOTION_SIDE pixels."""
    grey = cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY)
    scale = MOTION_SIDE / max(grey.shape)
    if scale >= 1:
        return np.asarray(grey)
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def motion(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Median magnitude of the optical flow between two views: pixels of the view per frame.

    The median is the camera's share as long as what moves by itself covers less than half the frame.
    """
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow = finder.calc(before, after, None)
    return float(np.median(np.hypot(flow[..., 0], flow[..., 1])))


def centre(hole: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The centre (right, down) of a hole [height, width] in pixels; None for none."""
    moments = cv2.moments(hole.astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    return (moments["m10"] / area, moments["m01"] / area) if area else None
