"""The region of the frames that is inpainted: all of it, or with --crop the surroundings of the hole."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FEATHER = 16
"""Pixels over which a region is faded into the frames that it is pasted into."""


@dataclass(frozen=True)
class Region:
    """A rectangle of pixels: rows top .. bottom - 1 and columns left .. right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, hole: NDArray[np.bool_]) -> Self:
        """The bounding box of a hole, bool [height, width], which must not be empty."""
        rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Self:
        """Whole frames of a size (width, height)."""
        return cls(0, 0, size[1], size[0])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.right - self.left, self.bottom - self.top

    def enlarged(self, min_size: tuple[int, int], frame: tuple[int, int], grid: int) -> "Region":
        """The region with twice the width and height, at least of `min_size`, but within the frame.

        min_size, frame: (width, height) in pixels; grid: the size becomes a multiple of it where the frame allows it.
        """
        left, right = _enlarge(self.left, self.right, min_size[0], frame[0], grid)
        top, bottom = _enlarge(self.top, self.bottom, min_size[1], frame[1], grid)
        return Region(top, left, bottom, right)

    def cut(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The region of a picture [height, width, ...]."""
        return picture[self.top : self.bottom, self.left : self.right]

    def paste(self, part: NDArray[np.uint8], picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of a picture, uint8 [height, width, 3], with `part` pasted at the region.

        Its edges are faded over FEATHER pixels, except at the picture's own edges.
        """
        height, width = picture.shape[:2]
        rows = _fade(self.size[1], self.top > 0, self.bottom < height)
        columns = _fade(self.size[0], self.left > 0, self.right < width)
        weight = np.minimum(rows[:, None], columns)[..., None]
        pasted = picture.copy()
        pasted[self.top : self.bottom, self.left : self.right] = (
            weight * part + (1 - weight) * self.cut(picture)
        ).round()
        return pasted


def _enlarge(low: int, high: int, min_length: int, limit: int, grid: int) -> tuple[int, int]:
    length = max(2 * (high - low), min_length)
    length = min(-(-length // grid) * grid, limit)
    start = min(max(0, (low + high - length) // 2), limit - length)
    return start, start + length


def _fade(length: int, at_start: bool, at_end: bool) -> NDArray[np.float32]:
    position = np.arange(length, dtype=np.float32)
    rising = (position + 1) / (FEATHER + 1) if at_start else np.ones(length, np.float32)
    falling = (length - position) / (FEATHER + 1) if at_end else np.ones(length, np.float32)
    return np.minimum(1, np.minimum(rising, falling))
