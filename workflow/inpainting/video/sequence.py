"""The dataset's layout on disk: one folder per sequence, with three folders of numbered frames."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.video import images


class Folders(NamedTuple):
    """Names of a sequence's three folders: input, masks and truth."""

    rgb: str = "RGB_480"
    mask: str = "MASK_480"
    truth: str = "GT_480"


FOLDERS = Folders()
"""The default names, by which the folders are also called in code, whatever a dataset calls them."""
RGB, MASK, TRUTH = FOLDERS
FRAME_NAME = re.compile(r"frame_(\d{5})\.png")


def frame_name(number: int) -> str:
    """The file name of a frame; `number` counts from 1."""
    return f"frame_{number:05d}.png"


def read_images(folder: Path, start: int, count: int, mode: str) -> NDArray[np.uint8]:
    """Read frames `start` to `start + count - 1`, counted from 0, of a folder of numbered PNGs.

    Returns uint8 [frames, height, width, 3] for the mode "RGB", the levels of masks [frames, height, width] for "L".
    Raises OSError, SyntaxError or ValueError if a frame is missing or damaged, if sizes differ, or if it can't be
    decided what a frame means: see `images`.
    """
    convert = images.to_mask if mode == "L" else images.to_picture
    frames = []
    for number in range(start + 1, start + count + 1):
        with Image.open(folder / frame_name(number)) as image:
            frames.append(convert(image))
    return np.stack(frames)


def read_rgb(sequence: Path, start: int, count: int, folders: Folders = FOLDERS) -> NDArray[np.uint8]:
    """Read input frames of a sequence: uint8 [frames, height, width, 3]; raises InputError if one can't be read."""
    return _read_frames(sequence, folders.rgb, start, count, "RGB")


def read_truth(sequence: Path, start: int, count: int, folders: Folders = FOLDERS) -> NDArray[np.uint8]:
    """Read true frames of a sequence: uint8 [frames, height, width, 3]; raises InputError if one can't be read."""
    return _read_frames(sequence, folders.truth, start, count, "RGB")


def read_mask(sequence: Path, start: int, count: int, folders: Folders = FOLDERS) -> NDArray[np.uint8]:
    """Read masks of a sequence: their levels, uint8 [frames, height, width]; see `masks.to_hole`.

    Raises InputError if one can't be read.
    """
    return _read_frames(sequence, folders.mask, start, count, "L")


def _read_frames(sequence: Path, kind: str, start: int, count: int, mode: str) -> NDArray[np.uint8]:
    try:
        return read_images(sequence / kind, start, count, mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"sequence {sequence.name}: its frames can't be read ({error}); audit the dataset again"
        ) from error


def write_images(folder: Path, frames: Iterable[NDArray[np.uint8]]) -> None:
    """Write frames, uint8 [height, width] or [height, width, 3] each, as numbered PNGs into an existing folder."""
    for number, frame in enumerate(frames, start=1):
        write_image(folder, number, frame)


def write_image(folder: Path, number: int, frame: NDArray[np.uint8], compress_level: int = 1) -> None:
    """Write a frame, uint8 [height, width] or [height, width, 3], into an existing folder; `number` counts from 1."""
    Image.fromarray(frame).save(folder / frame_name(number), compress_level=compress_level)


def write_sequence(
    sequence: Path,
    rgb: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    *,
    folders: Folders = FOLDERS,
) -> None:
    """Write a sequence atomically.

    rgb and truth: uint8 [frames, height, width, 3]; mask: uint8 [frames, height, width], 255 where to inpaint.
    """
    with atomic_path(sequence, durable=False) as temporary:
        for kind, frames in zip(folders, (rgb, mask, truth), strict=True):
            (temporary / kind).mkdir(parents=True)
            write_images(temporary / kind, frames)
