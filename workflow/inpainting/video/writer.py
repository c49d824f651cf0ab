"""Writing frames atomically: H.264 in .mp4, lossless FFV1 in .mkv, or a folder of PNGs."""

import contextlib
import logging
import mimetypes
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
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
from inpainting.video.decoded import EXACT_CONVERSION
from inpainting.video.images import Picture
from inpainting.video.reader import Video

log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)
"""Frames per second of a video made from images, which have no frame rate."""

THREADS = 4
"""Threads of the encoder; fixed, since H.264 encoders write other bytes with another number of threads."""


@dataclass(frozen=True)
class Encoding:
    """A container's codec, pixel format and options; half_chroma: whether chroma is subsampled by 2 (4:2:0)."""

    codec: Literal["libx264", "ffv1"]
    pixels: str
    options: dict[str, str]
    half_chroma: bool


DETERMINISTIC_X264 = "cpu-independent=1"
"""Without this option x264's CPU-specific code reads uninitialised memory, and the written bytes vary."""

ENCODINGS = {
    ".mp4": Encoding(
        "libx264", "yuv420p", {"crf": "16", "preset": "slow", "x264-params": DETERMINISTIC_X264}, half_chroma=True
    ),
    ".mkv": Encoding("ffv1", "bgr0", {"level": "3", "g": "1", "slicecrc": "1"}, half_chroma=False),
}
"""By the output's suffix; an output without a suffix is a folder of PNGs."""


def check_output(output: Path, inputs: Collection[Path]) -> None:
    """Raise UsageError if `output` can't be written, is inside an input, or would replace files of another program."""
    place = output.resolve()
    for path in (path.resolve() for path in inputs):
        if place == path or path in place.parents:
            raise UsageError(f"--output: {output} is, or is inside, the input {path}; give a path outside it")
    existing_parent = next(parent for parent in place.parents if parent.exists())
    if not existing_parent.is_dir() or not os.access(existing_parent, os.W_OK):
        raise UsageError(f"--output: {output} can't be written: {existing_parent} is not a writable folder")
    kind = mimetypes.guess_type(output.name)[0] or ""
    if output.suffix.lower() in ENCODINGS:
        if output.is_dir():
            raise UsageError(f"--output: {output} is a folder; give a file, or a folder whose name has no video suffix")
    elif kind.startswith(("video/", "image/")):
        raise UsageError(f"--output: {output.suffix} is not supported; give .mp4, .mkv (lossless) or a folder")
    elif output.is_dir():
        foreign = sorted(p.name for p in output.iterdir() if not sequence.FRAME_NAME.fullmatch(p.name))
        if foreign:
            raise UsageError(
                f"--output: {output} contains {foreign[0]}, which is not a frame of an earlier run; give a new folder"
            )
    elif output.exists():
        raise UsageError(f"--output: {output} is a file; give a folder, or a name that ends in .mp4 or .mkv")


@dataclass(frozen=True)
class VideoHeader:
    """A video's header.

    frames: number of frames; size: (width, height) in pixels; rate: frames per second, None if unknown; pixel_aspect:
    width / height of a pixel.
    """

    frames: int
    size: tuple[int, int]
    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)


def write_video(output: Path, video: Video, sound: Path | None = None) -> None:
    """Write a video that is in memory; see `write_frames`."""
    header = VideoHeader(len(video.frames), video.size, video.rate, video.pixel_aspect)
    write_frames(output, video.frames, header, sound)


def write_small_video(output: Path, video: Video) -> None:
    """Write an .mp4 for a page: smaller, and of less quality, than a result."""
    encoding = replace(ENCODINGS[".mp4"], options=ENCODINGS[".mp4"].options | {"crf": "25"})
    header = VideoHeader(len(video.frames), video.size, video.rate, video.pixel_aspect)
    with atomic_path(output) as temporary:
        _write_video(temporary, encoding, video.frames, header, None)


def write_frames(output: Path, frames: Iterable[Picture], header: VideoHeader, sound: Path | None = None) -> None:
    """Write frames, uint8 [height, width, 3] each, as a video or a folder of numbered PNGs, by the suffix of `output`.

    Frames are written as they come; the output appears when it is complete. `sound`: a video whose first sound track is
    copied without re-encoding, up to the last frame. A track that can't be copied is logged and left out, so that no
    computed frames are lost.
    """
    encoding = ENCODINGS.get(output.suffix.lower())
    with atomic_path(output, durable=False) as temporary:
        if encoding is None:
            temporary.mkdir()
            sequence.write_images(temporary, frames)
            return
        if sound is not None and not _can_copy_sound(temporary, sound, header):
            sound = None
        _write_video(temporary, encoding, frames, header, sound)


def _can_copy_sound(path: Path, sound: Path, header: VideoHeader) -> bool:
    """Whether the sound can be copied: tried in a temporary file before any frame is computed."""
    trial = path.with_stem(path.stem + "-sound")
    try:
        with av.open(str(trial), "w") as output, _sound_packets(sound, output, _seconds(header)) as packets:
            for packet in packets:
                output.mux(packet)
    except av.FFmpegError as error:
        log.warning("the sound of %s can't be copied (%s); the output has no sound", sound, error.strerror)
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True


def _seconds(header: VideoHeader) -> Fraction:
    return header.frames / (header.rate or DEFAULT_RATE)


def _write_video(
    path: Path, encoding: Encoding, frames: Iterable[Picture], header: VideoHeader, sound: Path | None
) -> None:
    rate = header.rate or DEFAULT_RATE
    if header.rate is None:
        log.info("images have no frame rate: the video is written with %s frames per second", DEFAULT_RATE)
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(av.open(str(path), "w", container_options=options))
        stream = _add_video_stream(output, encoding, header, rate)
        packets = stack.enter_context(_sound_packets(sound, output, _seconds(header)))
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


def _add_video_stream(
    output: OutputContainer, encoding: Encoding, header: VideoHeader, rate: Fraction
) -> av.VideoStream:
    width, height = header.size
    if encoding.half_chroma and (width % 2 or height % 2):
        log.info(
            "H.264 needs even sizes: the %dx%d frames are padded to %dx%d by repeating their edge; .mkv or a folder "
            "keeps their size",
            *(width, height, width + width % 2, height + height % 2),
        )
        width, height = width + width % 2, height + height % 2
    stream = output.add_stream(encoding.codec, rate=rate, options=encoding.options)
    stream.width, stream.height, stream.pix_fmt = width, height, encoding.pixels
    context = stream.codec_context
    context.thread_count = THREADS
    if header.pixel_aspect != 1:
        context.sample_aspect_ratio = header.pixel_aspect
    if encoding.half_chroma:
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _frame(picture: Picture, encoding: Encoding) -> VideoFrame:
    if not encoding.half_chroma:
        return VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=encoding.pixels)
    rows, columns = (side % 2 for side in picture.shape[:2])
    even = np.pad(picture, [(0, rows), (0, columns), (0, 0)], mode="edge")
    return VideoFrame.from_ndarray(even, format="rgb24").reformat(
        format=encoding.pixels,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT_CONVERSION,
    )


@contextlib.contextmanager
def _sound_packets(source: Path | None, output: OutputContainer, seconds: Fraction) -> Iterator[Iterator[av.Packet]]:
    """Yield packets of the first sound track of `source`: the first `seconds`, counted from its first frame."""
    if source is None:
        yield iter(())
        return
    with av.open(str(source)) as container:
        track = next(iter(container.streams.audio), None)
        if track is None:
            yield iter(())
        elif track.codec_context.name not in output.supported_codecs:
            name = track.codec_context.name
            log.info("the sound (%s) is left out: %s does not support it", name, output.format.name)
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
