"""Content measures of frames: the difference of input and truth, camera motion and mask position."""

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

    inside, outside: the difference (mean over channels, 0..255) summed over the pixels inside and outside the hole;
    hole, known: number of these pixels; around: number of pixels outside the dilated hole; effect: number of those
    whose difference exceeds the threshold.
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
    """Compare input and truth inside and outside the hole.

    rgb, truth: uint8 [height, width, 3]; hole, around (outside the dilated hole): bool [height, width];
    effect_threshold: grey levels, 0..255.
    """
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
    """part / whole, or None if whole is 0."""
    return part / whole if whole else None


def motion_image(truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame, uint8 [height, width, 3], in grey and with a longer side of at most MOTION_SIDE pixels, for `motion`."""
    grey = cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY)
    scale = MOTION_SIDE / max(grey.shape)
    if scale >= 1:
        return np.asarray(grey)
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def motion(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Median magnitude of the optical flow between two images of `motion_image`, in their pixels per frame.

    before, after: uint8 [height, width]. The median measures camera motion as long as moving objects cover less than
    half the frame. Source: T. Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016, in OpenCV's
    implementation.
    """
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow = finder.calc(before, after, None)
    return float(np.median(np.hypot(flow[..., 0], flow[..., 1])))


def mask_centre(hole: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Centroid (x, y) in pixels of a hole, bool [height, width]; None if it is empty."""
    moments = cv2.moments(hole.astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    return (moments["m10"] / area, moments["m01"] / area) if area else None
