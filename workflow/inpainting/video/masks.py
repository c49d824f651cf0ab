"""Conversion of mask images to holes, and of holes in pixels to masks on the latent grid."""

import io
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.settings import HoleSettings, MaskSettings

Value = TypeVar("Value", bound=np.generic)

Hole = NDArray[np.bool_]
"""bool [frames, height, width], true where pixels are to be inpainted."""


def to_hole(mask: NDArray[np.uint8], settings: HoleSettings) -> Hole:
    """Threshold stored masks, uint8 [frames, height, width], and invert them if the settings say so; no dilation."""
    hole: Hole = mask >= settings.mask_threshold
    return np.logical_not(hole) if settings.mask_invert else hole


def below_threshold(highest: int, threshold: int) -> str:
    """Why masks whose highest value is `highest` are refused: no pixel reaches the threshold, but some are not 0.

    Empty for masks that are black, which mean nothing to inpaint, and for those that reach it.
    """
    if not 0 < highest < threshold:
        return ""
    return (
        f"the masks' values reach {highest} of 255, below the threshold, {threshold}; save them with 255 where to "
        "inpaint, or lower --mask-threshold"
    )


def unite(hole: Hole, reach: int) -> Hole:
    """The union of each frame's hole with those of `reach` frames before and after it: bool [frames, height, width].

    Unlike the union over the VAE's groups of frames it does not depend on where a window begins, so that fill, mask
    input, loss and composite agree in overlapping windows; with a group's length less one it contains that union.
    """
    return np.stack(list(united(hole, reach))) if reach else hole


def united(holes: Iterable[NDArray[np.bool_]], reach: int) -> Iterator[NDArray[np.bool_]]:
    """`unite` for holes, bool [height, width], that come frame by frame; 2 * reach + 1 of them are held."""
    source = iter(holes)
    behind: deque[NDArray[np.bool_]] = deque(maxlen=reach)
    ahead = deque(islice(source, reach + 1))
    while ahead:
        yield np.logical_or.reduce([*behind, *ahead])
        behind.append(ahead.popleft())
        ahead.extend(islice(source, 1))


def inpainted(mask: NDArray[np.uint8], settings: MaskSettings) -> Hole:
    """The hole that is filled and composited of stored masks, uint8 [frames, height, width]: united and dilated."""
    return dilate(unite(to_hole(mask, settings), settings.mask_union), settings.mask_dilation)


def dilate(hole: Hole, pixels: int) -> Hole:
    """Dilate a hole, bool [frames, height, width], by a disc with a radius of `pixels` in each frame."""
    if pixels == 0:
        return hole.copy()
    return np.stack([cv2.dilate(frame.astype(np.uint8), disc(pixels)) for frame in hole]).astype(bool)


def disc(pixels: int) -> NDArray[np.uint8]:
    """A disc with a radius of `pixels`, for OpenCV's morphology: uint8 [2 * pixels + 1, 2 * pixels + 1] of 0 and 1."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1)), np.uint8)


def latent_area(hole: Hole, space: int, time: int) -> NDArray[np.float32]:
    """Share of hole pixels in each latent cell: float32 [latent frames, height / space, width / space] in 0..1.

    space: height and width of a cell in pixels; time: frames per latent frame. Frames are grouped as in the VAE: the
    first frame alone, the others in groups of `time`. Raises ValueError if the number of frames is not 1 + k * time, or
    if height or width is not a multiple of `space`.
    """
    groups = _counts(hole, space, time)
    return np.stack([group.sum(axis=0).astype(np.float32) / (len(group) * space * space) for group in groups])


def latent_area_by_frame(hole: Hole, space: int, time: int) -> NDArray[np.float32]:
    """`latent_area` of every single frame: float32 [latent frames, time, height / space, width / space] in 0..1.

    The first frame, alone in its group, is repeated `time` times.
    """
    cells = [group.astype(np.float32) / (space * space) for group in _counts(hole, space, time)]
    return np.stack([np.repeat(cells[0], time, axis=0), *cells[1:]])


def latent_any(hole: Hole, space: int, time: int) -> NDArray[np.float32]:
    """1 for each latent cell that contains a hole pixel, else 0.

    Returns float32 [latent frames, height / space, width / space], with frames grouped as in `latent_area`.
    """
    groups = _counts(hole, space, time)
    return np.stack([np.asarray(group.any(axis=0)) for group in groups]).astype(np.float32)


def latent_max(levels: NDArray[np.uint8], space: int, time: int) -> NDArray[np.uint8]:
    """Maximum of `levels` [frames, height, width] in each latent cell; same shape and groups as `latent_area`."""
    _check_grid(levels.shape, space, time)
    frames, height, width = levels.shape
    cells = levels.reshape(frames, height // space, space, width // space, space).max(axis=(2, 4))
    return np.stack([np.asarray(group.max(axis=0)) for group in _grouped(cells, time)])


def _counts(hole: Hole, space: int, time: int) -> list[NDArray[np.int32]]:
    """Hole pixels per cell and frame, one array [frames of the group, rows, columns] for each group of frames."""
    _check_grid(hole.shape, space, time)
    frames, height, width = hole.shape
    by_row = hole.view(np.uint8).reshape(frames, height // space, space, width).sum(axis=2, dtype=np.uint8)
    counts = by_row.reshape(frames, height // space, width // space, space).sum(axis=3, dtype=np.int32)
    return _grouped(counts, time)


def _grouped(cells: NDArray[Value], time: int) -> list[NDArray[Value]]:
    """Frames in the VAE's groups: the first alone, the others in groups of `time`."""
    return [cells[:1], *(cells[i : i + time] for i in range(1, len(cells), time))]


def _check_grid(shape: tuple[int, ...], space: int, time: int) -> None:
    frames, height, width = shape
    if (frames - 1) % time or height % space or width % space:
        raise ValueError(
            f"a hole of {frames} frames of {width}x{height} does not fit a latent grid of cells of {time} frames and "
            f"{space}x{space} pixels; the frames must be 1 + k * {time}, the sides multiples of {space}"
        )


def composite(raw: NDArray[np.uint8], rgb: NDArray[np.uint8], hole: Hole) -> NDArray[np.uint8]:
    """`raw` inside the (dilated) hole, `rgb` unchanged outside it: uint8 [frames, height, width, 3], as both inputs."""
    return np.where(hole[..., None], raw, rgb)


def pack(hole: Hole) -> NDArray[np.uint8]:
    """Compress a hole: uint8 [bytes], its bits, [frames, height, ceil(width / 8)], as a .npy file in zlib's format."""
    file = io.BytesIO()
    np.save(file, np.packbits(hole, axis=-1))
    return np.frombuffer(bytearray(zlib.compress(file.getvalue())), np.uint8)


def unpack(packed: NDArray[np.uint8], width: int | None = None) -> Hole:
    """Undo `pack`: bool [frames, height, width], or padded to a multiple of 8 columns without `width`.

    packed: what `pack` returns, or its bits [frames, height, ceil(width / 8)] alone, as shards held them before.
    """
    bits = packed if packed.ndim == 3 else np.load(io.BytesIO(zlib.decompress(packed.tobytes())))
    return np.unpackbits(bits, axis=-1, count=width).astype(bool)
