"""A clip and its mask on disk, read frame by frame as often as needed and never held in memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill, is_frame_by_frame
from inpainting.baselines.settings import ConditionSource
from inpainting.core.errors import InputError
from inpainting.sampling import on_disk
from inpainting.sampling.region import Region
from inpainting.video import masks, reader
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole
from inpainting.video.reader import FrameReader, Picture, Timing
from inpainting.video.settings import MaskSettings

FILL_BLOCK = 200
"""Frames that a fill that uses other frames gets at once: all of a shorter clip, as in training."""

Item = TypeVar("Item")

PictureHole = NDArray[np.bool_]
"""bool [height, width], true where to inpaint."""


@dataclass(frozen=True)
class MaskedClip:
    """A clip with its mask, and what `scan_clip` found.

    single_mask: whether one mask applies to all frames; size: (width, height); hole_pixels: number in each frame, not
    dilated; box: the smallest region that holds the dilated holes of all frames, None if there is no hole.
    """

    reel: FrameReader
    masks: FrameReader
    mask_settings: MaskSettings
    single_mask: bool
    size: tuple[int, int]
    timing: Timing
    hole_pixels: tuple[int, ...]
    box: Region | None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.hole_pixels)

    @property
    def coverage(self) -> float:
        """Share of all pixels that is hole, not dilated."""
        return sum(self.hole_pixels) / (self.frames * self.size[0] * self.size[1])

    def holes(self) -> Iterator[PictureHole]:
        """The hole of each frame, bool [height, width], not dilated."""
        pictures = (picture_hole(picture, self.mask_settings) for picture in self.masks)
        return repeat(next(pictures), self.frames) if self.single_mask else pictures

    def united(self) -> Iterator[PictureHole]:
        """The hole of each frame united with its neighbours', bool [height, width], not dilated; see `masks.unite`."""
        return self.holes() if self.single_mask else masks.united(self.holes(), self.mask_settings.mask_union)

    def dilated(self) -> Iterator[PictureHole]:
        """The united and dilated hole of each frame, bool [height, width], which is filled and composited."""
        return (masks.dilate(hole[None], self.mask_settings.mask_dilation)[0] for hole in self.united())

    def fill(self, region: Region, source: ConditionSource, on_progress: Callable[[int], None]) -> tuple[Frames, Hole]:
        """A region of all frames with its hole filled, and its hole, united and not dilated; both are arrays on disk.

        They are uint8 [frames, height, width, 3] and bool [frames, height, width].
        on_progress: called with the number of frames that were filled.
        """
        width, height = region.size
        shape = self.frames, height, width
        filled, holes = on_disk.array(np.uint8, *shape, 3), on_disk.array(np.bool_, *shape)
        done = 0
        frames = zip(self.reel, self.united(), strict=True)
        for block in _blocks(frames, 1 if is_frame_by_frame(source) else FILL_BLOCK):
            rgb, hole = (np.stack([region.cut(pair[part]) for pair in block]) for part in (0, 1))
            span = slice(done, done + len(block))
            holes[span] = hole
            filled[span] = fill(rgb, masks.dilate(hole, self.mask_settings.mask_dilation), source)
            done += len(block)
            on_progress(len(block))
        return filled, holes


def picture_hole(picture: Picture, settings: MaskSettings) -> PictureHole:
    """The hole of a mask image, uint8 [height, width, 3], not dilated: bool [height, width]."""
    return masks.to_hole(reader.luminance(picture), settings)


def scan_clip(reel: FrameReader, mask_reel: FrameReader, settings: MaskSettings) -> MaskedClip:
    """Read a clip and its masks once. Raises InputError if a file can't be read or frames and masks do not match."""
    timing = reel.timing()
    frames, size = _count(reel)
    reader.warn_if_short(reel.path, timing.declared_frames, frames)
    areas: list[int] = []
    seen: PictureHole | None = None
    for picture in mask_reel:
        if picture.shape[1::-1] != size:
            width, height = picture.shape[1::-1]
            raise InputError(
                f"the mask is {width}x{height}, but the frames are {size[0]}x{size[1]}; give a mask of that size"
            )
        hole = picture_hole(picture, settings)
        areas.append(int(hole.sum()))
        seen = hole if seen is None else seen | hole
    if len(areas) not in (1, frames) or seen is None:
        raise InputError(
            f"there are {len(areas)} masks for {frames} frames; give one mask for each frame, or one for all"
        )
    single_mask = len(areas) == 1
    box = Region.around(masks.dilate(seen[None], settings.mask_dilation)[0]) if seen.any() else None
    return MaskedClip(
        reel, mask_reel, settings, single_mask, size, timing, tuple(areas * frames if single_mask else areas), box
    )


def _blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items; the last one may be shorter."""
    source = iter(items)
    while block := list(islice(source, size)):
        yield block


def _count(reel: Iterable[Picture]) -> tuple[int, tuple[int, int]]:
    count, size = 0, (0, 0)
    for picture in reel:
        count, size = count + 1, (picture.shape[1], picture.shape[0])
    return count, size
