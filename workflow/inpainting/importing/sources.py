"""What a clip is before its frames are read: their number, size, times and rate."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.video.reader import FrameReader, opened

Image = NDArray[np.uint8]

MIN_PRESENT_SHARE = 0.9
"""Least share of the frames and of the duration in its header that a video must have; headers are not exact."""


@dataclass(frozen=True)
class Source:
    """A video, a folder of frames or one image.

    size: (width, height) in pixels, after rotation; pixel_aspect: width / height of a pixel; times: seconds of each
    frame since the first, or None; rate: mean frames per second, or None; uses: how often each frame is used.
    """

    reader: FrameReader
    frames: int
    size: tuple[int, int]
    pixel_aspect: Fraction = Fraction(1)
    times: tuple[float, ...] | None = None
    rate: Fraction | None = None
    uses: tuple[int, ...] = ()

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.reader.path

    @property
    def still(self) -> bool:
        """Whether it is one image, for all frames."""
        return not (self.reader.is_video or self.path.is_dir())

    def used(self, frames: Iterable[Image]) -> Iterator[Image]:
        """The frames, each as often as it is used: uint8 [height, width, 3], or levels of masks, [height, width]."""
        return chain.from_iterable(repeat(frame, uses) for uses, frame in zip(self.uses, frames, strict=False))


def probe(path: Path, masks: bool = False) -> Source:
    """Properties of a clip. All packets of a video are read, but only its first frame is decoded.

    masks: whether it holds masks. Raises InputError if it can't be read.
    """
    reader = FrameReader(path)
    first = next(reader.masks() if masks else iter(reader))
    size = (first.shape[1], first.shape[0])
    return _probe_video(reader, size) if reader.is_video else Source(reader, len(reader.files), size)


def _probe_video(reader: FrameReader, size: tuple[int, int]) -> Source:
    with opened(reader.path) as stream:
        rate = stream.average_rate or stream.guessed_rate
        aspect = stream.sample_aspect_ratio or Fraction(1)
        upright = size[0] == stream.width
        stamps = [packet.pts for packet in stream.container.demux(stream) if packet.size and not packet.is_discard]
        times = None
        if stamps and None not in stamps:
            first = min(stamps)
            times = tuple(float((stamp - first) * stream.time_base) for stamp in sorted(stamps))
        elif stamps and rate:
            times = tuple(float(number / rate) for number in range(len(stamps)))
        if times is not None and rate:
            _check_whole(reader.path, stream, len(stamps), times[-1] + float(1 / rate))
    return Source(reader, len(stamps), size, aspect if upright else 1 / aspect, times, rate)


def _check_whole(path: Path, stream: av.VideoStream, frames: int, seconds: float) -> None:
    """Raise InputError if a video has far fewer frames or a far shorter duration than its header says."""
    duration, container = 0.0, stream.container
    if stream.duration:
        duration = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        duration = container.duration / av.time_base
    damaged = "it was cut short, or is damaged"
    if frames < MIN_PRESENT_SHARE * stream.frames:
        raise InputError(f"{path} has {frames} of the {stream.frames} frames in its header; {damaged}")
    if seconds < MIN_PRESENT_SHARE * duration:
        raise InputError(f"{path} has {seconds:.3g} of the {duration:.3g} seconds in its header; {damaged}")
