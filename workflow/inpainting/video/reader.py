"""Reading frames from a video, a folder of images, one image, or a sequence folder of the dataset."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from inpainting.core.errors import InputError
from inpainting.video import images, sequence
from inpainting.video.decoded import VideoError, mask_levels, picture
from inpainting.video.image_files import frame_numbers, image_files, image_suffixes
from inpainting.video.images import MaskLevels, Picture

log = logging.getLogger(__name__)

LARGEST_VIDEO_FRAME = 2**25
"""Pixels: 8K frames are decoded, larger ones are not, since a file of a few bytes can declare any size."""

INTERLACED = "%s says that it is interlaced; moving edges may be combed. Before: ffmpeg -i %s -vf bwdif -crf 12 OUT.mp4"


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
    maximum number of frames to read; chosen: the images in place of those of the folder, None for an empty mask.
    """

    path: Path
    limit: int | None = None
    part: str = sequence.RGB
    chosen: tuple[Path | None, ...] | None = None

    def __iter__(self) -> Iterator[Picture]:
        """Yield frames, uint8 [height, width, 3], RGB, rotated upright if the file says that the camera was turned.

        Raises InputError if there is no frame, if one can't be read, or if frames differ in size.
        """
        return self._alike(self._named(images.to_picture, picture))

    def masks(self) -> Iterator[MaskLevels]:
        """Yield the levels of masks, uint8 [height, width]; see `images.to_mask`. Raises InputError as for frames."""
        found = self._alike(self._named(images.to_mask, mask_levels))
        if self.chosen is None:
            return found
        first = next(found)
        rest = chain([first], found)
        return (np.zeros_like(first) if path is None else next(rest) for path in self.chosen)

    def _alike(self, named: Iterator[tuple[str, NDArray[np.uint8]]]) -> Iterator[NDArray[np.uint8]]:
        first: NDArray[np.uint8] | None = None
        for name, frame in named:
            if first is None:
                first = frame
            elif frame.shape != first.shape:
                (height, width), (first_height, first_width) = frame.shape[:2], first.shape[:2]
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
        with opened(self.path) as stream:
            aspect = stream.sample_aspect_ratio or Fraction(1)
            turned = next((frame.rotation % 180 != 0 for frame in stream.container.decode(stream)), False)
            declared_frames = min(stream.frames, self.limit or stream.frames)
            return Timing(stream.average_rate or stream.guessed_rate, 1 / aspect if turned else aspect, declared_frames)

    @property
    def files(self) -> list[Path]:
        """The images, in order, of a folder or a sequence folder, or the one image; none for a video.

        Raises InputError if a folder holds no images, or two for one frame.
        """
        if self.chosen is not None:
            return [path for path in self.chosen if path is not None]
        if not self.path.is_dir():
            return [] if self.is_video else [self.path]
        inner = self.path / self.part
        return (image_files(inner) if inner.is_dir() else image_files(self.path, self.part))[: self.limit]

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The last number in each name of a folder's files; None unless all have one, each another."""
        found = [numbers[-1] for file in self.files if self.path.is_dir() and (numbers := frame_numbers(file))]
        return tuple(found) if len(set(found)) == len(self.files) > 0 else None

    @property
    def gaps(self) -> str:
        """What to tell of a folder whose files are numbered in steps that differ; "" for others."""
        steps = set(np.diff(self.numbers or ()))
        return "frame numbers are missing; the frames are used in order" if len(steps) > 1 else ""

    def without_mask(self, masks: "FrameReader") -> str:
        """The names of this folder's frames whose number no mask of another folder has; "" for all or none of them."""
        known = {numbers[-1] for file in masks.files if (numbers := frame_numbers(file))}
        missing = [file.name for file in self.files if (numbers := frame_numbers(file)) and numbers[-1] not in known]
        if len(missing) == len(self.files):
            return ""
        return ", ".join(missing) if len(missing) < 6 else f"{', '.join(missing[:3])} and {len(missing) - 3} more"

    def _named(
        self, from_image: Callable[[Image.Image], NDArray[np.uint8]], from_frame: Callable[[Any], NDArray[np.uint8]]
    ) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        if self.is_video:
            yield from _video_frames(self.path, self.limit, from_frame)
        for path in self.files:
            yield str(path), _read_image(path, from_image)


def pair_masks(frames: FrameReader, masks: FrameReader) -> FrameReader:
    """A reader of masks with one for each frame, by the last number in the names, and an empty one where there is none.

    Returns `masks` itself if either is no folder. Raises InputError if no frame has a mask, or one has two.
    """
    if frames.is_video or masks.is_video or not masks.path.is_dir():
        return masks
    by_number: dict[tuple[int, ...], Path] = {}
    for file in replace(masks, limit=None).files:
        if (other := by_number.setdefault(frame_numbers(file)[-1:], file)) is not file:
            raise InputError(
                f"{masks.path} holds two masks for one frame, {other.name} and {file.name}; unite them into one"
            )
    chosen = tuple(by_number.get(frame_numbers(file)[-1:]) for file in frames.files)
    if not any(chosen):
        raise InputError(f"no mask in {masks.path} has the number of a frame in {frames.path}; rename them")
    return replace(masks, chosen=chosen)


def refuse_other_numbers(frames: FrameReader, others: FrameReader) -> None:
    """Raise InputError if the files of two folders, as many of each, are numbered in other steps.

    A frame may then be missing; where the first number differs alone, one of the folders begins at 0 or in mid-clip.
    """
    one, other = frames.numbers, others.numbers
    if others.chosen is not None or one is None or other is None or len(one) != len(other):
        return
    if not np.array_equal(np.subtract(one, one[0]), np.subtract(other, other[0])):
        raise InputError(f"the numbers of {others.path} and of {frames.path} do not match; a frame may be missing")


def read_video(path: Path, limit: int | None = None, part: str = sequence.RGB) -> Video:
    """Read the first `limit` frames, or all, into one array; see `FrameReader`. Warns if a video was cut short."""
    reader = FrameReader(path, limit, part)
    timing = reader.timing()
    frames = np.stack(list(reader))
    warn_if_short(path, timing.declared_frames, len(frames))
    return Video(frames, timing.rate, timing.pixel_aspect)


def warn_if_short(path: Path, declared_frames: int, found: int) -> None:
    """Log a warning if a video has fewer frames than its header declares."""
    if found < declared_frames:
        text = "%s declares %d frames, but only %d can be read; it may have been cut short"
        log.warning(text, path, declared_frames, found)


def _read_image(path: Path, convert: Callable[[Image.Image], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return convert(image)
    except (images.DepthError, images.MaskError) as error:
        raise InputError(f"{path} {error}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} can't be read as an image ({error})") from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[av.VideoStream]:
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


def _video_frames(
    path: Path, limit: int | None, convert: Callable[[VideoFrame], NDArray[np.uint8]]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    done = 0
    try:
        with opened(path) as stream:
            for frame in islice(stream.container.decode(stream), limit):
                if done == 0 and frame.interlaced_frame:
                    log.warning(INTERLACED, path, path)
                yield f"frame {done + 1} of {path}", convert(frame)
                done += 1
    except VideoError as error:
        raise InputError(f"{path} {error}") from error
    except (InputError, images.MaskError) as error:
        raise InputError(f"{error}, after {done} frames" if done else str(error)) from error
