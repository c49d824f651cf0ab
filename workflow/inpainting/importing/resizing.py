"""Resize frames and masks to a common size, without losing a masked pixel."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.images import Picture

Size = tuple[int, int]
"""(width, height) in pixels."""

How = Literal["crop", "pad", "fit"]

FrameHole = NDArray[np.bool_]
"""bool [height, width], true where to inpaint."""


@dataclass(frozen=True)
class ResizePlan:
    """How frames of any resolution become frames of `size`: they are scaled to `scaled`, then cropped or padded.

    corner: (x, y) of the result's top left in the scaled frame; negative for black borders.
    """

    scaled: Size
    corner: tuple[int, int]
    size: Size

    def picture(self, picture: Picture) -> Picture:
        """Resize a frame, uint8 [height, width, 3]; borders are black."""
        return self._cut(scale(picture, self.scaled))

    def hole(self, hole: FrameHole) -> FrameHole:
        """Resize a hole, bool [height, width]; pixels that contain any part of it are true, borders are false."""
        return self._cut(scale_hole(hole, self.scaled))

    def _cut(self, frame: NDArray) -> NDArray:
        (x, y), (width, height) = self.corner, self.size
        if min(x, y) < 0:
            frame = np.pad(frame, [(max(-y, 0), height), (max(-x, 0), width), *[(0, 0)] * (frame.ndim - 2)])
            x, y = max(x, 0), max(y, 0)
        return np.ascontiguousarray(frame[y : y + height, x : x + width])


def plan(source: Size, pixel_aspect: Fraction, target: Size | None, how: How) -> ResizePlan:
    """Plan the resizing of frames to a size, with square pixels; target: None keeps the height."""
    width, height = source[0] * float(pixel_aspect), float(source[1])
    if target is None:
        scaled = (round(width), source[1])
        return ResizePlan(scaled, (0, 0), scaled)
    ratios = (target[0] / width, target[1] / height)
    scaled = _scaled(width, height, max(ratios) if how == "crop" else min(ratios))
    corner = ((scaled[0] - target[0]) // 2, (scaled[1] - target[1]) // 2)
    return ResizePlan(scaled, *(((0, 0), scaled) if how == "fit" else (corner, target)))


def _scaled(width: float, height: float, ratio: float) -> Size:
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def scale(frame: Picture, size: Size) -> Picture:
    """Resize a frame, uint8 [height, width, 3], to `size` (width, height).

    Area interpolation along axes that shrink, cubic along axes that grow.
    """
    height, width = frame.shape[:2]
    smaller = (min(width, size[0]), min(height, size[1]))
    if smaller != (width, height):
        frame = cv2.resize(frame, smaller, interpolation=cv2.INTER_AREA)
    if smaller != size:
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    return frame


def scale_hole(hole: FrameHole, size: Size) -> FrameHole:
    """Resize a hole, bool [height, width]; true for every pixel that `scale` computes from any masked pixel."""
    height, width = hole.shape
    smaller = (min(width, size[0]), min(height, size[1]))
    if smaller != (width, height):
        hole = cv2.resize(hole.astype(np.float32), smaller, interpolation=cv2.INTER_AREA) > 0
    if smaller != size:
        reach = cv2.dilate(hole.astype(np.float32), np.ones((3, 3), np.uint8))
        hole = cv2.resize(reach, size, interpolation=cv2.INTER_LINEAR) > 0
    return hole


def same_view(one: Size, other: Size) -> bool:
    """Whether the aspect ratios of two sizes differ by less than 2 %."""
    return math.isclose(one[0] * other[1], other[0] * one[1], rel_tol=0.02)


def size_text(size: Size) -> str:
    """A size as text, such as 640x480."""
    return f"{size[0]}x{size[1]}"
