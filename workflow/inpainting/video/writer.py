"""Writing clips: H.264 in .mp4, lossless FFV1 in .mkv, or a folder of PNGs; complete or not at all."""

import contextlib
import logging
import mimetypes
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from inpainting.core.errors import UsageError
from inpainting.core.files import atomic_path
from inpainting.video import sequence
from inpainting.video.reader import EXACT, Footage, Picture

log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)
"""Frames per second of a video that is made of images, which have no rate."""

THREADS = 4
"""Fixed, since the number of threads shapes what H.264 encoders write."""


@dataclass(frozen=True)
class Encoding:
    """A container's codec, pixel format and options; `halved` where colour has half the resolution of brightness."""

    codec: Literal["libx264", "ffv1"]
    pixels: str
    options: dict[str, str]
    halved: bool


SAME_BYTES = "cpu-independent=1"
"""Without it, code for the machine's processor reads memory that nothing was written to, and the bytes vary with it."""

ENCODINGS = {
    ".mp4": Encoding("libx264", "yuv420p", {"crf": "16", "preset": "slow", "x264-params": SAME_BYTES}, halved=True),
    ".mkv": Encoding("ffv1", "bgr0", {"level": "3", "g": "1", "slicecrc": "1"}, halved=False),
}
"""By the output's suffix; what has no suffix of a video is a folder."""


def check_output(output: Path, inputs: Collection[Path]) -> None:
    """Raise UsageError where writing `output` can't work or would destroy something that this program did not write."""
    place = output.resolve()
    for path in (path.resolve() for path in inputs):
        if place == path or path in place.parents:
            raise UsageError(f"--output: {output} would write into what is read; give a place outside {path}")
    ground = next(parent for parent in place.parents if parent.exists())
    if not ground.is_dir() or not os.access(ground, os.W_OK):
        raise UsageError(f"--output: {output} can't be written, since {ground} is no folder that you may write to")
    kind = mimetypes.guess_type(output.name)[0] or ""
    if output.suffix.lower() in ENCODINGS:
        if output.is_dir():
            raise UsageError(f"--output: {output} is a folder; give a file name, or a folder without a video's suffix")
    elif kind.startswith(("video/", "image/")):
        raise UsageError(f"--output: {output.suffix} is not written here; give .mp4, .mkv (lossless) or a folder")
    elif output.is_dir():
        strange = sorted(p.name for p in output.iterdir() if not sequence.FRAME_NAME.fullmatch(p.name))
        if strange:
            raise UsageError(
                f"--output: {output} holds {strange[0]}, which is no frame of an earlier run; give a new folder"
            )
    elif output.exists():
        raise UsageError(f"--output: {output} is a file; give a folder, or a name that ends in .mp4 or .mkv")


@dataclass(frozen=True)
class Shape:
    """What a video's header says: frames in all, (width, height) in pixels, and how they are shown."""

    frames: int
    size: tuple[int, int]
    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)


def write_footage(output: Path, footage: Footage, sound: Path | None = None) -> None:
    """Write frames that are in memory; see `write_frames`."""
    shape = Shape(len(footage.frames), footage.size, footage.rate, footage.pixel_aspect)
    write_frames(output, footage.frames, shape, sound)


def write_frames(output: Path, frames: Iterable[Picture], shape: Shape, sound: Path | None = None) -> None:
    """Write a video or a folder of numbered PNGs, by the suffix of `output`, atomically, as the frames come.

    `sound`: a video whose first sound track is copied along, not encoded again, as far as the frames go. What can't be
    copied is left out and logged: frames that took hours are not lost for it.
    """
    encoding = ENCODINGS.get(output.suffix.lower())
    with atomic_path(output) as temporary:
        if encoding is None:
            temporary.mkdir()
            sequence.write_images(temporary, frames)
            return
        if sound is not None and not _sound_goes_into(temporary, sound, shape):
            sound = None
        _write_video(temporary, encoding, frames, shape, sound)


def _sound_goes_into(path: Path, sound: Path, shape: Shape) -> bool:
    """Whether the sound can be copied: tried before the frames are made, in a file of its own beside them."""
    trial = path.with_stem(path.stem + "-sound")
    try:
        with av.open(str(trial), "w") as output, _sound_packets(sound, output, _seconds(shape)) as packets:
            for packet in packets:
                output.mux(packet)
    except av.FFmpegError as error:
        log.warning("the sound of %s can't be copied (%s) and is left out", sound, error.strerror)
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True


def _seconds(shape: Shape) -> Fraction:
    return shape.frames / (shape.rate or DEFAULT_RATE)


def _write_video(path: Path, encoding: Encoding, frames: Iterable[Picture], shape: Shape, sound: Path | None) -> None:
    rate = shape.rate or DEFAULT_RATE
    if shape.rate is None:
        log.info("images have no frame rate: the video gets %s frames per second", DEFAULT_RATE)
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(av.open(str(path), "w", container_options=options))
        stream = _add_video_stream(output, encoding, shape, rate)
        packets = stack.enter_context(_sound_packets(sound, output, _seconds(shape)))
        waiting = next(packets, None)
        for number, picture in enumerate(frames):
            while waiting is not None and waiting.pts * waiting.time_base <= number / rate:
                output.mux(waiting)
                waiting = next(packets, None)
            frame = _frame(picture, encoding)
            frame.pts, frame.time_base = number, 1 / rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        while waiting is not None:
            output.mux(waiting)
            waiting = next(packets, None)


def _add_video_stream(output: OutputContainer, encoding: Encoding, shape: Shape, rate: Fraction) -> av.VideoStream:
    width, height = shape.size
    if encoding.halved and (width % 2 or height % 2):
        log.info(
            "H.264 needs even sizes: the edge of the %dx%d frames is repeated to make them %dx%d; .mkv or a folder "
            "keeps them as they are",
            *(width, height, width + width % 2, height + height % 2),
        )
        width, height = width + width % 2, height + height % 2
    stream = output.add_stream(encoding.codec, rate=rate, options=encoding.options)
    stream.width, stream.height, stream.pix_fmt = width, height, encoding.pixels
    context = stream.codec_context
    context.thread_count = THREADS
    if shape.pixel_aspect != 1:
        context.sample_aspect_ratio = shape.pixel_aspect
    if encoding.halved:
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _frame(picture: Picture, encoding: Encoding) -> VideoFrame:
    if not encoding.halved:
        return VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=encoding.pixels)
    rows, columns = (side % 2 for side in picture.shape[:2])
    even = np.pad(picture, [(0, rows), (0, columns), (0, 0)], mode="edge")
    return VideoFrame.from_ndarray(even, format="rgb24").reformat(
        format=encoding.pixels,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
    )


@contextlib.contextmanager
def _sound_packets(source: Path | None, output: OutputContainer, seconds: Fraction) -> Iterator[Iterator[av.Packet]]:
    """Packets of the first sound track of `source`, timed from its first frame on, for the first `seconds`."""
    if source is None:
        yield iter(())
        return
    with av.open(str(source)) as container:
        track = next(iter(container.streams.audio), None)
        if track is None:
            yield iter(())
        elif track.codec_context.name not in output.supported_codecs:
            log.info("the sound (%s) does not go into %s and is left out", track.codec_context.name, output.format.name)
            yield iter(())
        else:
            copy = output.add_stream_from_template(track)
            video = container.streams.video[0]
            start = (video.start_time or 0) * video.time_base
            yield _retimed(container.demux(track), copy, start, seconds)


def _retimed(
    packets: Iterator[av.Packet], stream: av.AudioStream, start: Fraction, seconds: Fraction
) -> Iterator[av.Packet]:
    for packet in packets:
        if packet.pts is None or packet.dts is None:
            continue
        shift = round(start / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.pts * packet.time_base >= seconds:
            return
        packet.stream = stream
        yield packet
