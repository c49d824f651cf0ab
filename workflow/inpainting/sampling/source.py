"""A clip on disk with its mask: looked through once, then read as often as it is needed, never held."""

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
from inpainting.sampling.formats import Frames
from inpainting.sampling.region import Region
from inpainting.video import masks, reader
from inpainting.video.masks import Hole
from inpainting.video.reader import FrameReader, Picture, Timing
from inpainting.video.settings import MaskSettings

BLOCK = 200
"""Frames that a fill from other frames sees at once: all of a shorter clip, as in training."""

Item = TypeVar("Item")

PictureHole = NDArray[np.bool_]
"""bool [height, width], true where to inpaint."""


@dataclass(frozen=True)
class Source:
    """What a look through the files found.

    still: whether one mask holds for all frames; size: (width, height); hole_pixels: of each frame, not dilated;
    box: what the dilated holes of all frames lie in, None where there is no hole.
    """

    reel: FrameReader
    masks: FrameReader
    mask_settings: MaskSettings
    still: bool
    size: tuple[int, int]
    timing: Timing
    hole_pixels: tuple[int, ...]
    box: Region | None

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.hole_pixels)

    @property
    def coverage(self) -> float:
        """Share of all pixels that is hole."""
        return sum(self.hole_pixels) / (self.frames * self.size[0] * self.size[1])

    def holes(self) -> Iterator[PictureHole]:
        """The hole of each frame, not dilated."""
        pictures = (hole_of(picture, self.mask_settings) for picture in self.masks)
        return repeat(next(pictures), self.frames) if self.still else pictures

    def dilated(self) -> Iterator[PictureHole]:
        """The hole of each frame as it is filled and composited."""
        return (masks.dilate(hole[None], self.mask_settings.mask_dilation)[0] for hole in self.holes())

    def fill(self, region: Region, source: ConditionSource, on_progress: Callable[[int], None]) -> tuple[Frames, Hole]:
        """A region with its hole filled, and the hole, not dilated, on disk.

        `on_progress` is called with the number of frames of each block that was filled.
        """
        width, height = region.size
        shape = self.frames, height, width
        filled, holes = on_disk.array(np.uint8, *shape, 3), on_disk.array(np.bool_, *shape)
        done = 0
        for block in _blocks(zip(self.reel, self.holes(), strict=True), 1 if is_frame_by_frame(source) else BLOCK):
            rgb, hole = (np.stack([region.cut(pair[part]) for pair in block]) for part in (0, 1))
            span = slice(done, done + len(block))
            holes[span] = hole
            filled[span] = fill(rgb, masks.dilate(hole, self.mask_settings.mask_dilation), source)
            done += len(block)
            on_progress(len(block))
        return filled, holes


def hole_of(picture: Picture, settings: MaskSettings) -> PictureHole:
    """The hole that a mask's picture says, not dilated."""
    return masks.to_hole(reader.luminance(picture), settings)


def look_through(reel: FrameReader, mask_reel: FrameReader, settings: MaskSettings) -> Source:
    """Read everything once. Raises InputError where something can't be read or frames and masks do not fit together."""
    timing = reel.timing()
    frames, size = _count(reel)
    reader.warn_if_short(reel.path, timing.declared_frames, frames)
    areas: list[int] = []
    seen: PictureHole | None = None
    for picture in mask_reel:
        if picture.shape[1::-1] != size:
            width, height = picture.shape[1::-1]
            raise InputError(f"the mask is {width}x{height}, but the frames are {size[0]}x{size[1]}; make them agree")
        hole = hole_of(picture, settings)
        areas.append(int(hole.sum()))
        seen = hole if seen is None else seen | hole
    if len(areas) not in (1, frames) or seen is None:
        raise InputError(
            f"there are {len(areas)} masks for {frames} frames; give one mask for each frame, or one for all"
        )
    still = len(areas) == 1
    box = Region.around(masks.dilate(seen[None], settings.mask_dilation)[0]) if seen.any() else None
    return Source(reel, mask_reel, settings, still, size, timing, tuple(areas * frames if still else areas), box)


def _blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one perhaps shorter."""
    source = iter(items)
    while block := list(islice(source, size)):
        yield block


def _count(reel: Iterable[Picture]) -> tuple[int, tuple[int, int]]:
    count, size = 0, (0, 0)
    for picture in reel:
        count, size = count + 1, (picture.shape[1], picture.shape[0])
    return count, size
