"""Read clips frame by frame, so that memory does not grow with their length."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inpainting.core.errors import InputError
from inpainting.video import reader
from inpainting.video.reader import Picture

MIN_PRESENT_SHARE = 0.9
"""Least share of the frames and of the duration in its header that a video must have; headers are not exact."""


@dataclass(frozen=True)
class Source:
    """A video, a folder of frames or one image, before its frames are read.

    size: (width, height) in pixels, after rotation; pixel_aspect: width / height of a pixel; times: seconds of each
    frame since the first, or None; rate: mean frames per second, or None; still: one image for all frames; numbers:
    those in the file names of a folder, or None.
    """

    path: Path
    frames: int
    size: tuple[int, int]
    pixel_aspect: Fraction = Fraction(1)
    times: tuple[float, ...] | None = None
    rate: Fraction | None = None
    still: bool = False
    numbers: tuple[int, ...] | None = None


def probe(path: Path) -> Source:
    """Properties of a clip. All packets of a video are read, but only its first frame is decoded.

    Raises InputError if it can't be read.
    """
    first = next(pictures(path))
    size = (first.shape[1], first.shape[0])
    if path.is_dir():
        files = reader.image_files(path)
        return Source(path, len(files), size, numbers=_numbers(files))
    if path.suffix.lower() in reader.image_suffixes():
        return Source(path, 1, size, still=True)
    return _probe_video(path, size)


def _numbers(files: list[Path]) -> tuple[int, ...] | None:
    found = [re.findall(r"[0-9]+", file.stem) for file in files]
    return tuple(int(numbers[-1]) for numbers in found) if all(found) else None


def pictures(path: Path) -> Iterator[Picture]:
    """The frames in order, uint8 [height, width, 3], RGB, all of one size. Raises InputError naming what is wrong."""
    if path.is_dir():
        yield from _alike(path, (reader.read_video(file).frames[0] for file in reader.image_files(path)))
    elif path.suffix.lower() in reader.image_suffixes():
        yield reader.read_video(path).frames[0]
    else:
        yield from _alike(path, _decode(path))


def brightest(picture: Picture) -> NDArray[np.uint8]:
    """Maximum over the channels of a mask image: uint8 [height, width]; coloured masks count like white ones."""
    return np.asarray(picture.max(axis=2))


def _alike(path: Path, frames: Iterator[Picture]) -> Iterator[Picture]:
    shape: tuple[int, ...] | None = None
    count = 0
    try:
        for picture in frames:
            shape = shape or picture.shape
            count += 1
            if picture.shape != shape:
                raise InputError(
                    f"frame {count} of {path} is {picture.shape[1]}x{picture.shape[0]}, but the first one is "
                    f"{shape[1]}x{shape[0]}; they must agree"
                )
            yield picture
    except (av.FFmpegError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} can't be read ({_reason(error)}, after {count} frames)") from error
    if not count:
        raise InputError(f"{path} holds no frames")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _decode(path: Path) -> Iterator[Picture]:
    with av.open(str(path)) as container:
        stream = _video_stream(container, path)
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            yield reader.picture(frame)


def _video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    if not container.streams.video:
        raise InputError(f"{path} holds no video stream; give a video or a folder of frames")
    return container.streams.video[0]


def _check_whole(path: Path, container: av.container.InputContainer, frames: int, seconds: float) -> None:
    """Raise InputError if a video has far fewer frames or a far shorter duration than its header says."""
    stream = _video_stream(container, path)
    duration = 0.0
    if stream.duration:
        duration = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        duration = container.duration / av.time_base
    damaged = "it was cut short, or is damaged"
    if frames < MIN_PRESENT_SHARE * stream.frames:
        raise InputError(f"{path} has {frames} of the {stream.frames} frames in its header; {damaged}")
    if seconds < MIN_PRESENT_SHARE * duration:
        raise InputError(f"{path} has {seconds:.3g} of the {duration:.3g} seconds in its header; {damaged}")


def _probe_video(path: Path, size: tuple[int, int]) -> Source:
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container, path)
            rate = stream.average_rate or stream.guessed_rate
            aspect = stream.sample_aspect_ratio or Fraction(1)
            upright = size[0] == stream.width
            stamps = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
            times = None
            if stamps and None not in stamps:
                first = min(stamps)
                times = tuple(float((stamp - first) * stream.time_base) for stamp in sorted(stamps))
            elif stamps and rate:
                times = tuple(float(number / rate) for number in range(len(stamps)))
            if times is not None and rate:
                _check_whole(path, container, len(stamps), times[-1] + float(1 / rate))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as a video ({_reason(error)})") from error
    return Source(path, len(stamps), size, aspect if upright else 1 / aspect, times, rate)
