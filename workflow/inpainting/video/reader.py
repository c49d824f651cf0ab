"""Reading clips as people have them: a video, a folder of frames, one image, or a sequence of the dataset's layout."""

import contextlib
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

from inpainting.core.errors import InputError
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


@dataclass(frozen=True)
class Timing:
    """How frames are shown.

    rate: frames per second on average, None where the files do not say; pixel_aspect: width / height of a pixel;
    told: how many frames a video says it has, 0 where it does not.
    """

    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)
    told: int = 0


@dataclass(frozen=True)
class Reel:
    """Frames on disk, read one by one each time that they are gone through, so that their number takes no memory.

    path: a video, a folder of images, one image, or a sequence folder, of which `part` is read; limit: frames that are
    read at most, from the first.
    """

    path: Path
    limit: int | None = None
    part: str = sequence.RGB

    def __iter__(self) -> Iterator[Picture]:
        """The frames, uint8 [height, width, 3]; pictures that a camera marked as turned are turned upright.

        Colours become 8-bit RGB. Raises InputError where nothing is found, something can't be read, or the frames
        differ in size.
        """
        first: Picture | None = None
        for name, frame in self._named():
            if first is None:
                first = frame
            elif frame.shape != first.shape:
                (height, width, _), (first_height, first_width, _) = frame.shape, first.shape
                raise InputError(
                    f"{name} is {width}x{height}, but the first frame is {first_width}x{first_height}; they must agree"
                )
            yield frame
        if first is None:
            raise InputError(f"{self.path} holds no frames")

    @property
    def is_video(self) -> bool:
        """Whether it is a video file, which has a rate and may have sound."""
        return not self.path.is_dir() and self.path.suffix.lower() not in image_suffixes()

    def timing(self) -> Timing:
        """How the frames are shown; raises InputError where a video can't be read."""
        if not self.is_video:
            return Timing()
        with _opened(self.path) as stream:
            aspect = stream.sample_aspect_ratio or Fraction(1)
            turned = next((frame.rotation % 180 != 0 for frame in stream.container.decode(stream)), False)
            told = min(stream.frames, self.limit or stream.frames)
            return Timing(stream.average_rate or stream.guessed_rate, 1 / aspect if turned else aspect, told)

    def _named(self) -> Iterator[tuple[str, Picture]]:
        if self.is_video:
            yield from _video_pictures(self.path, self.limit)
            return
        paths = [self.path]
        if self.path.is_dir():
            folder = self.path / self.part if (self.path / self.part).is_dir() else self.path
            paths = image_files(folder)[: self.limit]
        for path in paths:
            yield str(path), _read_image(path)


def read_footage(path: Path, limit: int | None = None, part: str = sequence.RGB) -> Footage:
    """The first `limit` frames, or all, of what a `Reel` reads, as one array."""
    reel = Reel(path, limit, part)
    timing = reel.timing()
    frames = np.stack(list(reel))
    warn_if_short(path, timing.told, len(frames))
    return Footage(frames, timing.rate, timing.pixel_aspect)


def luminance(frame: Picture) -> NDArray[np.uint8]:
    """A picture in grey: uint8 [height, width]."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def warn_if_short(path: Path, told: int, found: int) -> None:
    """Log it where a video has fewer frames than it says."""
    if found < told:
        log.warning("%s tells of %d frames, but only %d can be read; it may have been cut short", path, told, found)


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


def _read_image(path: Path) -> Picture:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return np.asarray(upright.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} can't be read as an image ({error})") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[av.VideoStream]:
    """The first video stream of a file; raises InputError where it can't be read, now or while it is open."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path} holds no video stream; give a video or a folder of frames")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield stream
    except av.FFmpegError as error:
        raise InputError(f"{path} can't be read as a video ({error.strerror})") from error


def _video_pictures(path: Path, limit: int | None) -> Iterator[tuple[str, Picture]]:
    done = 0
    try:
        with _opened(path) as stream:
            for frame in islice(stream.container.decode(stream), limit):
                yield f"frame {done + 1} of {path}", picture(frame)
                done += 1
    except InputError as error:
        raise InputError(f"{error}, after {done} frames" if done else str(error)) from error


def picture(frame: VideoFrame) -> Picture:
    """A decoded frame, upright. A high-definition one that names no colour space is taken as BT.709, as players do."""
    unnamed = frame.colorspace == UNSPECIFIED and frame.height > 576
    space = Colorspace.ITU709 if unnamed else None
    pixels = frame.to_ndarray(format="rgb24", interpolation=EXACT, src_colorspace=space)
    return np.rot90(pixels, round(frame.rotation / 90))
