"""Reading frames from a video, a folder of images, one image, or a sequence folder of the dataset."""

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

EXACT_CONVERSION = (
    Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
)
"""Flags of an accurate colour conversion; FFmpeg's default is off by up to 2 grey levels on flat areas."""

LARGEST_VIDEO_FRAME = 2**25
"""Pixels: 8K frames are decoded, larger ones are not, since a file of a few bytes can declare any size."""

UNSPECIFIED = 2
"""FFmpeg's code for a colour space that the file does not specify."""


@dataclass(frozen=True)
class Video:
    """Frames in memory, with frame rate and pixel aspect ratio.

    frames: uint8 [frames, height, width, 3], RGB; rate: average frames per second, None if unknown; pixel_aspect: width
    / height of a pixel.
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
    """Frame rate, pixel aspect ratio and number of frames from a video's header.

    rate: average frames per second, None if unknown; pixel_aspect: width / height of a pixel; declared_frames: number
    of frames in the header, at most the reader's limit, 0 if unknown.
    """

    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)
    declared_frames: int = 0


@dataclass(frozen=True)
class FrameReader:
    """Reads frames from disk one by one on every iteration, so that memory does not grow with their number.

    path: a video, a folder of images, one image, or a sequence folder, of which the subfolder `part` is read; limit:
    maximum number of frames to read.
    """

    path: Path
    limit: int | None = None
    part: str = sequence.RGB

    def __iter__(self) -> Iterator[Picture]:
        """Yield frames, uint8 [height, width, 3], RGB, rotated upright if the file says that the camera was turned.

        Raises InputError if there is no frame, if one can't be read, or if frames differ in size.
        """
        first: Picture | None = None
        for name, frame in self._named():
            if first is None:
                first = frame
            elif frame.shape != first.shape:
                (height, width, _), (first_height, first_width, _) = frame.shape, first.shape
                raise InputError(
                    f"{name} is {width}x{height}, but the first frame is {first_width}x{first_height}; all frames must "
                    "have one size"
                )
            yield frame
        if first is None:
            raise InputError(f"{self.path} holds no frames")

    @property
    def is_video(self) -> bool:
        """Whether the path is a video file, which has a frame rate and may have sound."""
        return not self.path.is_dir() and self.path.suffix.lower() not in image_suffixes()

    def timing(self) -> Timing:
        """Read frame rate and pixel aspect; raises InputError if a video can't be read."""
        if not self.is_video:
            return Timing()
        with _opened(self.path) as stream:
            aspect = stream.sample_aspect_ratio or Fraction(1)
            turned = next((frame.rotation % 180 != 0 for frame in stream.container.decode(stream)), False)
            declared_frames = min(stream.frames, self.limit or stream.frames)
            return Timing(stream.average_rate or stream.guessed_rate, 1 / aspect if turned else aspect, declared_frames)

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


def read_video(path: Path, limit: int | None = None, part: str = sequence.RGB) -> Video:
    """Read the first `limit` frames, or all, into one array; see `FrameReader`. Warns if a video was cut short."""
    reader = FrameReader(path, limit, part)
    timing = reader.timing()
    frames = np.stack(list(reader))
    warn_if_short(path, timing.declared_frames, len(frames))
    return Video(frames, timing.rate, timing.pixel_aspect)


def luminance(frame: Picture) -> NDArray[np.uint8]:
    """Luma (ITU-R BT.601) of a picture: uint8 [height, width]."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def warn_if_short(path: Path, declared_frames: int, found: int) -> None:
    """Log a warning if a video has fewer frames than its header declares."""
    if found < declared_frames:
        text = "%s declares %d frames, but only %d can be read; it may have been cut short"
        log.warning(text, path, declared_frames, found)


def image_files(folder: Path) -> list[Path]:
    """The images of a folder, sorted by the numbers in their names: frame_2 before frame_10. Skips hidden files.

    Raises InputError if there is none.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in image_suffixes() and not p.name.startswith(".")]
    if not found:
        raise InputError(f"{folder} holds no images; give a folder of frames, or a video")
    return sorted(found, key=lambda path: _numbers_and_text(path.name))


def _numbers_and_text(name: str) -> list[tuple[int, str]]:
    """A sort key that compares numbers by value and the text between them by letters."""
    pieces = re.split(r"([0-9]+)", name)
    return [(int(piece), "") if index % 2 else (0, piece) for index, piece in enumerate(pieces)] + [(0, name)]


@cache
def image_suffixes() -> frozenset[str]:
    """Suffixes of the files that Pillow reads as one picture; .gif and .mpg are read as videos."""
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
    """Open the first video stream of a file; raises InputError if it can't be opened, or decoded while it is open."""
    try:
        with av.open(str(path), options={"max_pixels": str(LARGEST_VIDEO_FRAME)}) as container:
            if not container.streams.video:
                raise InputError(f"{path} holds no video stream; give a video or a folder of frames")
            stream = container.streams.video[0]
            if not stream.width:  # the decoder has refused the size
                raise InputError(f"{path} has no frames that can be decoded, or of over {LARGEST_VIDEO_FRAME} pixels")
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
    """A decoded frame, rotated upright: uint8 [height, width, 3].

    A frame of more than 576 lines without a colour space is taken as BT.709, as players do.
    """
    unnamed = frame.colorspace == UNSPECIFIED and frame.height > 576
    space = Colorspace.ITU709 if unnamed else None
    pixels = frame.to_ndarray(format="rgb24", interpolation=EXACT_CONVERSION, src_colorspace=space)
    return np.rot90(pixels, round(frame.rotation / 90))
