"""Classical methods: what a hole can be filled with from the known pixels of its own clip, without any training.

Each takes rgb, uint8 [frames, height, width, 3], and hole, bool [frames, height, width], and returns a clip that equals
rgb outside the hole. None reads a pixel inside the hole.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from inpainting.baselines.propagation import propagate
from inpainting.video.masks import Hole

Clip = NDArray[np.uint8]

GREY = 128
"""What `masked_input` shows in the hole."""

RADIUS = 8
"""Pixels round a hole pixel that Telea and Navier-Stokes look at; 3 is usual, and read 0.2 to 0.7 dB less here."""


def masked_input(rgb: Clip, hole: Hole) -> Clip:
    """Grey in the hole: the floor, which any method has to beat."""
    return np.where(hole[..., None], np.uint8(GREY), rgb)


def telea(rgb: Clip, hole: Hole) -> Clip:
    """Each frame alone, from the hole's edge inwards; a frame that is all hole is grey.

    A. Telea: An image inpainting technique based on the fast marching method, Journal of Graphics Tools 9(1), 2004.
    """
    return _per_frame(rgb, hole, cv2.INPAINT_TELEA)


def navier_stokes(rgb: Clip, hole: Hole) -> Clip:
    """Each frame alone, lines of equal brightness carried on into the hole; a frame that is all hole is grey.

    M. Bertalmio, A. L. Bertozzi, G. Sapiro: Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001.
    """
    return _per_frame(rgb, hole, cv2.INPAINT_NS)


def biharmonic(rgb: Clip, hole: Hole) -> Clip:
    """Each frame alone, the smoothest surface that continues the known pixels; a frame that is all hole is grey.

    S. B. Damelin, N. S. Hoang: On surface completion and image inpainting by biharmonic functions, 2018. Takes seconds
    for a frame of 640x480: it solves a system of equations with an unknown per hole pixel.
    """
    filled = masked_input(rgb, hole)
    for frame, frame_hole in enumerate(hole):
        if frame_hole.any() and not frame_hole.all():
            solved = inpaint_biharmonic(filled[frame], frame_hole, split_into_regions=True, channel_axis=-1)
            filled[frame] = np.rint(255 * solved.clip(0, 1))
    return np.where(hole[..., None], filled, rgb)


def temporal_median(rgb: Clip, hole: Hole) -> Clip:
    """At each hole pixel the median over the frames in which it is known: nearly perfect where the camera stands still.

    Pixels that no frame knows are filled by Telea on the image of the medians, one fill for all frames.
    """
    medians = _known_median(rgb, hole)
    never: Hole = np.asarray(hole.all(axis=0, keepdims=True))
    plate = telea(medians[None], never)
    return np.where(hole[..., None], plate, rgb)


def flow_propagation(rgb: Clip, hole: Hole) -> Clip:
    """Known pixels carried into the hole along optical flow, from before and after; what no frame shows, by Telea."""
    carried, unknown = propagate(masked_input(rgb, hole), hole)
    return telea(carried, unknown)


def _per_frame(rgb: Clip, hole: Hole, algorithm: int) -> Clip:
    """cv2.inpaint frame by frame; the hole is greyed first, so that nothing in it can be read."""
    masked = masked_input(rgb, hole)
    filled = [
        cv2.inpaint(frame, frame_hole.astype(np.uint8), RADIUS, algorithm) if frame_hole.any() else frame
        for frame, frame_hole in zip(masked, hole, strict=True)
    ]
    return np.where(hole[..., None], np.stack(filled), rgb)


def _known_median(rgb: Clip, hole: Hole) -> NDArray[np.uint8]:
    """Median over the frames in which a pixel is known, uint8 [height, width, 3]; GREY where there are none.

    Of an even number the mean of the middle two, rounded half up.
    """
    unknown = np.iinfo(np.int16).max
    ordered = np.sort(np.where(hole[..., None], unknown, rgb.astype(np.int16)), axis=0)
    count = (~hole).sum(axis=0)
    lower, upper = (
        np.take_along_axis(ordered, np.maximum(place, 0)[None, ..., None], axis=0)[0]
        for place in ((count - 1) // 2, count // 2)
    )
    median = (lower.astype(np.int32) + upper + 1) // 2
    return np.where(count[..., None] > 0, median, GREY).astype(np.uint8)
