"""Reading clips as people have them: a video, a folder of frames, one image, or a sequence of the dataset's layout."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image, ImageOps

from inpainting.errors import InputError
from inpainting.video import sequence

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
"""uint8 [height, width, 3], RGB."""

EXACT = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""How colours are converted; FFmpeg's default is up to 2 levels off on flat areas."""

UNSPECIFIED = 2
"""FFmpeg's code for a colour space, primaries or transfer curve that a file does not name."""


@dataclass(frozen=True)
class Footage:
    """Frames and how they are shown.

    frames: uint8 [frames, height, width, 3], RGB; rate: frames per second on average, None where the files do not say;
    pixel_aspect: width / height of a pixel.
    """

    frames: NDArray[np.uint8]
    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[2], self.frames.shape[1]


def read_footage(path: Path, limit: int | None = None, part: str = sequence.RGB) -> Footage:
    """The first `limit` frames, or all, of a video, a folder of images, one image, or `part` of a sequence folder.

    Colours become 8-bit RGB; pictures that a camera marked as turned are turned upright. Raises InputError where
    nothing is found, something can't be read, or the frames differ in size.
    """
    if path.is_dir():
        folder = path / part if (path / part).is_dir() else path
        return Footage(_read_images(image_files(folder)[:limit]))
    if path.suffix.lower() in image_suffixes():
        return Footage(_read_images([path]))
    return _read_video(path, limit)


def read_masks(path: Path, limit: int | None = None) -> NDArray[np.uint8]:
    """Masks as stored, read as `read_footage` reads: uint8 [frames, height, width], the luminance of the pictures."""
    frames = read_footage(path, limit, sequence.MASK).frames
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]).astype(np.uint8)


def image_files(folder: Path) -> list[Path]:
    """The images of a folder by the numbers in their names: frame_2 comes before frame_10. Hidden ones are left out.

    Raises InputError when there is none.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in image_suffixes() and not p.name.startswith(".")]
    if not found:
        raise InputError(f"{folder} holds no images; give a folder of frames, or a video")
    return sorted(found, key=lambda path: _numbers_and_text(path.name))


def _numbers_and_text(name: str) -> list[tuple[int, str]]:
    """A sort key: numbers by their value, the text between them by its letters."""
    pieces = re.split(r"([0-9]+)", name)
    return [(int(piece), "") if index % 2 else (0, piece) for index, piece in enumerate(pieces)] + [(0, name)]


@cache
def image_suffixes() -> frozenset[str]:
    """What Pillow reads as one picture; .gif and .mpg are read as videos."""
    readable = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    return frozenset(readable - {".gif", ".mpg", ".mpeg"})


def _read_images(paths: list[Path]) -> NDArray[np.uint8]:
    return _stack((str(path), _read_image(path)) for path in paths)


def _read_image(path: Path) -> Picture:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return np.asarray(upright.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} can't be read as an image ({error})") from error


def _read_video(path: Path, limit: int | None) -> Footage:
    done = 0

    def pictures(stream: av.VideoStream) -> Iterator[tuple[str, Picture]]:
        nonlocal done
        for frame in islice(stream.container.decode(stream), limit):
            yield f"frame {done + 1} of {path}", picture(frame)
            done += 1

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path} holds no video stream; give a video or a folder of frames")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            frames = _stack(pictures(stream))
            rate = stream.average_rate or stream.guessed_rate
            aspect = stream.sample_aspect_ratio or Fraction(1)
            upright = frames.shape[2] == stream.width
            expected = min(stream.frames, limit or stream.frames)
    except av.FFmpegError as error:
        raise InputError(f"{path} can't be read as a video ({error.strerror}, after {done} frames)") from error
    if done < expected:
        log.warning("%s tells of %d frames, but only %d can be read; it may have been cut short", path, expected, done)
    return Footage(frames, rate, aspect if upright else 1 / aspect)


def picture(frame: VideoFrame) -> Picture:
    """A decoded frame, upright. A high-definition one that names no colour space is taken as BT.709, as players do."""
    unnamed = frame.colorspace == UNSPECIFIED and frame.height > 576
    space = Colorspace.ITU709 if unnamed else None
    pixels = frame.to_ndarray(format="rgb24", interpolation=EXACT, src_colorspace=space)
    return np.rot90(pixels, round(frame.rotation / 90))


def _stack(pictures: Iterator[tuple[str, Picture]]) -> NDArray[np.uint8]:
    """Named pictures as one array; raises InputError when there is none or they differ in size."""
    frames: list[Picture] = []
    for name, picture in pictures:
        if frames and picture.shape != frames[0].shape:
            (height, width, _), (first_height, first_width, _) = picture.shape, frames[0].shape
            raise InputError(
                f"{name} is {width}x{height}, but the first frame is {first_width}x{first_height}; they must agree"
            )
        frames.append(picture)
    if not frames:
        raise InputError("the video holds no frames")
    return np.stack(frames)
