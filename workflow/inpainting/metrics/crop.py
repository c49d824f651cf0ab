"""The square around a hole, from which networks score it: the hole with its surroundings, whatever its size."""

import numpy as np
from numpy.typing import NDArray

Square = tuple[slice, slice]
"""Rows and columns of a frame."""


def square_around(hole: NDArray[np.bool_]) -> Square | None:
    """The smallest square around a hole, bool [height, width], widened by a third of its side at each side.

    It is widened by less if it would cross the frame's border, and never larger than the frame. None for an empty hole.
    As `utils/bbox.py` of PROVE's repository (arXiv 2605.14534) defines it.
    """
    places = [np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0)]
    if not len(places[0]):
        return None
    ends = [(int(place[0]), int(place[-1]) + 1) for place in places]
    side = max(last - first for first, last in ends)
    starts = [round((first + last - side) / 2) for first, last in ends]
    room = [min(start, extent - start - side) for start, extent in zip(starts, hole.shape, strict=True)]
    margin = max(0, min(round(side / 3), side // 2, *room))
    side = min(side + 2 * margin, *hole.shape)
    rows, columns = (
        slice(first := max(0, min(start - margin, extent - side)), first + side)
        for start, extent in zip(starts, hole.shape, strict=True)
    )
    return rows, columns
