"""A clip and its mask on disk, read frame by frame as often as needed and never held in memory."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill, is_frame_by_frame
from inpainting.baselines.settings import ConditionSource
from inpainting.core.batches import batched
from inpainting.core.errors import InputError
from inpainting.sampling import on_disk
from inpainting.sampling.region import Region
from inpainting.video import masks, reader
from inpainting.video.clip import Frames
from inpainting.video.images import MaskLevels, Picture
from inpainting.video.masks import Hole
from inpainting.video.reader import FrameReader, Timing
from inpainting.video.settings import MaskSettings, MissingMasks

log = logging.getLogger(__name__)

FILL_BLOCK = 200
"""Frames that a fill that uses other frames gets at once: all of a shorter clip, as in training."""

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
        holes = (level_hole(levels, self.mask_settings) for levels in self.masks.masks())
        return repeat(next(holes), self.frames) if self.single_mask else holes

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
        for block in batched(frames, 1 if is_frame_by_frame(source) else FILL_BLOCK):
            rgb, hole = (np.stack([region.cut(pair[part]) for pair in block]) for part in (0, 1))
            span = slice(done, done + len(block))
            holes[span] = hole
            filled[span] = fill(rgb, masks.dilate(hole, self.mask_settings.mask_dilation), source)
            done += len(block)
            on_progress(len(block))
        return filled, holes


def level_hole(levels: MaskLevels, settings: MaskSettings) -> PictureHole:
    """The hole of a mask's levels, uint8 [height, width], not dilated: bool [height, width]."""
    return masks.to_hole(levels, settings)


def scan_clip(
    reel: FrameReader, mask_reel: FrameReader, settings: MaskSettings, missing_masks: MissingMasks
) -> MaskedClip:
    """Read a clip and its masks once. Raises InputError if a file can't be read or frames and masks do not match."""
    timing = reel.timing()
    frames, size = _count(reel)
    reader.warn_if_short(reel.path, timing.declared_frames, frames)
    if missing_masks == "empty":
        mask_reel = reader.pair_masks(reel, mask_reel)
    areas: list[int] = []
    seen: PictureHole | None = None
    highest = 0
    for levels in mask_reel.masks():
        if levels.shape[1::-1] != size:
            width, height = levels.shape[1::-1]
            raise InputError(
                f"the mask is {width}x{height}, but the frames are {size[0]}x{size[1]}; give a mask of that size"
            )
        highest = max(highest, int(levels.max()))
        hole = level_hole(levels, settings)
        areas.append(int(hole.sum()))
        seen = hole if seen is None else seen | hole
    single_mask = not (mask_reel.is_video or mask_reel.path.is_dir())  # a video of one frame may have been cut short
    if not (single_mask or len(areas) == frames) or seen is None:
        raise InputError(f"there are {len(areas)} masks for {frames} frames; {_why_not_paired(reel, mask_reel)}")
    if reason := masks.below_threshold(highest, settings.mask_threshold):
        raise InputError(reason)
    reader.refuse_other_numbers(reel, mask_reel)
    if reel.gaps:
        log.warning("%s: %s", reel.path, reel.gaps)
    box = Region.around(masks.dilate(seen[None], settings.mask_dilation)[0]) if seen.any() else None
    return MaskedClip(
        reel, mask_reel, settings, single_mask, size, timing, tuple(areas * frames if single_mask else areas), box
    )


def _why_not_paired(reel: FrameReader, mask_reel: FrameReader) -> str:
    rates = [float(one.timing().rate or 0) for one in (mask_reel, reel) if one.is_video]
    if len(set(rates)) > 1:
        return (
            f"they have {rates[0]:.4g} and {rates[1]:.4g} frames per second; give both the same, such as with "
            f"ffmpeg -i IN -vf fps={round(max(rates))} OUT.mp4"
        )
    if missing := reel.without_mask(mask_reel):
        return f"{missing} have none; --missing-masks empty takes that as nothing to inpaint"
    return "give one mask for each frame, or one for all"


def _count(reel: Iterable[Picture]) -> tuple[int, tuple[int, int]]:
    count, size = 0, (0, 0)
    for picture in reel:
        count, size = count + 1, (picture.shape[1], picture.shape[0])
    return count, size
