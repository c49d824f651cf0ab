"""Frames to a common size, and masks with them, so that no masked pixel is lost on the way."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.reader import Picture

Size = tuple[int, int]
"""(width, height) in pixels."""

How = Literal["crop", "pad", "fit"]

Hole = NDArray[np.bool_]
"""bool [height, width], true where to inpaint."""


@dataclass(frozen=True)
class Geometry:
    """From a source's pixels to a sequence's: scaled to `scaled`, of which what lies at `corner` makes up `size`.

    corner: (x, y) of the result's top left in the scaled frame; negative where black borders are added.
    """

    source: Size
    scaled: Size
    corner: tuple[int, int]
    size: Size

    def picture(self, picture: Picture) -> Picture:
        """A frame of the source, uint8 [height, width, 3], in the sequence's size; borders are black."""
        return self._cut(scale(picture, self.scaled))

    def hole(self, hole: Hole) -> Hole:
        """A mask of the source in the sequence's size: true wherever any part of a pixel was; borders are known."""
        return self._cut(scale_hole(hole, self.scaled))

    def of(self, source: Size) -> "Geometry":
        """The same for frames of another size that show the same view."""
        return replace(self, source=source)

    def _cut(self, frame: NDArray) -> NDArray:
        (x, y), (width, height) = self.corner, self.size
        if min(x, y) < 0:
            frame = np.pad(frame, [(max(-y, 0), height), (max(-x, 0), width), *[(0, 0)] * (frame.ndim - 2)])
            x, y = max(x, 0), max(y, 0)
        return np.ascontiguousarray(frame[y : y + height, x : x + width])

    def __str__(self) -> str:
        text = shown(self.source)
        if self.scaled != self.source:
            text += f" scaled to {shown(self.scaled)}"
        if min(self.corner) < 0:
            text += f", black borders to {shown(self.size)}"
        elif self.scaled != self.size:
            text += f", cut to {shown(self.size)}"
        return text


def plan(source: Size, pixel_aspect: Fraction, target: Size | None, how: How) -> Geometry:
    """How frames of a size become those of another; pixels that are not square become so."""
    width, height = source[0] * float(pixel_aspect), float(source[1])
    if target is None:
        scaled = (round(width), source[1])
        return Geometry(source, scaled, (0, 0), scaled)
    ratios = (target[0] / width, target[1] / height)
    scaled = _scaled(width, height, max(ratios) if how == "crop" else min(ratios))
    corner = ((scaled[0] - target[0]) // 2, (scaled[1] - target[1]) // 2)
    return Geometry(source, scaled, *(((0, 0), scaled) if how == "fit" else (corner, target)))


def _scaled(width: float, height: float, ratio: float) -> Size:
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def scale(frame: Picture, size: Size) -> Picture:
    """A frame in another size: averaged over areas along the axes that shrink, cubic along those that grow."""
    height, width = frame.shape[:2]
    smaller = (min(width, size[0]), min(height, size[1]))
    if smaller != (width, height):
        frame = cv2.resize(frame, smaller, interpolation=cv2.INTER_AREA)
    if smaller != size:
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    return frame


def scale_hole(hole: Hole, size: Size) -> Hole:
    """A mask in another size: every pixel that `scale` makes of a masked one, in whatever small part."""
    height, width = hole.shape
    smaller = (min(width, size[0]), min(height, size[1]))
    if smaller != (width, height):
        hole = cv2.resize(hole.astype(np.float32), smaller, interpolation=cv2.INTER_AREA) > 0
    if smaller != size:
        reach = cv2.dilate(hole.astype(np.float32), np.ones((3, 3), np.uint8))
        hole = cv2.resize(reach, size, interpolation=cv2.INTER_LINEAR) > 0
    return hole


def same_view(one: Size, other: Size) -> bool:
    """Whether two sizes can be of the same view: their shapes differ by less than 2 %."""
    return math.isclose(one[0] * other[1], other[0] * one[1], rel_tol=0.02)


def shown(size: Size) -> str:
    """A size as people write it: 640x480."""
    return f"{size[0]}x{size[1]}"
