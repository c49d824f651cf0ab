"""From mask images to holes, and from holes in pixels to masks on the latent grid."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.settings import HoleSettings

Value = TypeVar("Value", bound=np.generic)

Hole = NDArray[np.bool_]
"""bool [frames, height, width], true where pixels are to be inpainted."""


def to_hole(mask: NDArray[np.uint8], settings: HoleSettings) -> Hole:
    """Threshold (and turn round) masks as stored, uint8 [frames, height, width]; not yet dilated."""
    hole: Hole = mask >= settings.mask_threshold
    return np.logical_not(hole) if settings.mask_invert else hole


def dilate(hole: Hole, pixels: int) -> Hole:
    """Grow the hole in each frame by a disc of the radius `pixels`."""
    if pixels == 0:
        return hole.copy()
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.stack([cv2.dilate(frame.astype(np.uint8), disc) for frame in hole]).astype(bool)


def latent_area(hole: Hole, space: int, time: int) -> NDArray[np.float32]:
    """The share of each latent cell that is hole: float32 [latent frames, height / space, width / space] in 0..1.

    space: pixels of a cell, down and across; time: frames of a latent frame, but for the first, which has one.
    Frames are grouped as the VAE groups them: the first alone, then in groups of `time`. Raises ValueError for frame
    counts other than 1 + k * time and sizes that `space` does not divide.
    """
    groups = _counts(hole, space, time)
    return np.stack([group.sum(axis=0).astype(np.float32) / (len(group) * space * space) for group in groups])


def latent_area_by_frame(hole: Hole, space: int, time: int) -> NDArray[np.float32]:
    """`latent_area` for each frame of a group apart: float32 [latent frames, time, height / space, width / space].

    The first frame, which is alone in its group, stands in all of its channels.
    """
    cells = [group.astype(np.float32) / (space * space) for group in _counts(hole, space, time)]
    return np.stack([np.repeat(cells[0], time, axis=0), *cells[1:]])


def latent_any(hole: Hole, space: int, time: int) -> NDArray[np.float32]:
    """1 for each latent cell that any hole pixel falls in, else 0; shaped and grouped as `latent_area`."""
    groups = _counts(hole, space, time)
    return np.stack([np.asarray(group.any(axis=0)) for group in groups]).astype(np.float32)


def latent_max(levels: NDArray[np.uint8], space: int, time: int) -> NDArray[np.uint8]:
    """The highest of the levels [frames, height, width] in each latent cell; shaped and grouped as `latent_area`."""
    _check_grid(levels.shape, space, time)
    frames, height, width = levels.shape
    cells = levels.reshape(frames, height // space, space, width // space, space).max(axis=(2, 4))
    return np.stack([np.asarray(group.max(axis=0)) for group in _grouped(cells, time)])


def _counts(hole: Hole, space: int, time: int) -> list[NDArray[np.int32]]:
    """Pixels of hole in each cell of each frame, in groups of frames: [frames of the group, rows, columns] each."""
    _check_grid(hole.shape, space, time)
    frames, height, width = hole.shape
    by_row = hole.view(np.uint8).reshape(frames, height // space, space, width).sum(axis=2, dtype=np.uint8)
    counts = by_row.reshape(frames, height // space, width // space, space).sum(axis=3, dtype=np.int32)
    return _grouped(counts, time)


def _grouped(cells: NDArray[Value], time: int) -> list[NDArray[Value]]:
    """Frames as the VAE groups them: the first alone, then in groups of `time`."""
    return [cells[:1], *(cells[i : i + time] for i in range(1, len(cells), time))]


def _check_grid(shape: tuple[int, ...], space: int, time: int) -> None:
    frames, height, width = shape
    if (frames - 1) % time or height % space or width % space:
        raise ValueError(
            f"a hole of {frames} frames of {width}x{height} does not fall on a {time} x {space} x {space} grid"
        )


def composite(raw: NDArray[np.uint8], rgb: NDArray[np.uint8], hole: Hole) -> NDArray[np.uint8]:
    """The raw output inside the (dilated) hole, the input's own pixels, to the bit, outside: clips with 3 channels."""
    return np.where(hole[..., None], raw, rgb)


def pack(hole: Hole) -> NDArray[np.uint8]:
    """A hole as bits: uint8 [frames, height, ceil(width / 8)]."""
    return np.packbits(hole, axis=-1)


def unpack(bits: NDArray[np.uint8], width: int) -> Hole:
    """The hole that `pack` packed."""
    return np.unpackbits(bits, axis=-1, count=width).astype(bool)
