"""Plan a clip's sequences before its frames are decoded: do its files match, which frames are used, where is it cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.importing import cutting, resizing, sources
from inpainting.importing.cutting import Cut
from inpainting.importing.pairing import ClipFiles
from inpainting.importing.resizing import FrameHole, ResizePlan
from inpainting.importing.settings import SMALLEST_SIDE, ImportCommand
from inpainting.importing.sources import Source
from inpainting.video.images import Picture
from inpainting.video.reader import pair_masks, refuse_other_numbers

MAX_SEQUENCE_FRAMES = 99999
"""Highest number of frames of a sequence, by the layout's file names."""


@dataclass(frozen=True)
class Plan:
    """How a clip's frames become sequences. total: number of frames of all sequences and of what is left over."""

    video: Source
    mask: Source | None
    truth: Source | None
    geometry: ResizePlan
    total: int
    pieces: list[Cut]
    notes: tuple[str, ...]

    def fit(
        self, picture: Picture, mask: NDArray[np.uint8] | None, truth: Picture | None, settings: ImportCommand
    ) -> tuple[Picture, FrameHole | None, Picture | None]:
        """Resize a frame, its mask's levels, uint8 [height, width], and its truth; returns frame, hole and truth."""
        hole = None if mask is None else self.geometry.hole((mask >= settings.threshold) != settings.mask_invert)
        return self.geometry.picture(picture), hole, None if truth is None else self.geometry.picture(truth)


def make_plan(clip: ClipFiles, settings: ImportCommand) -> Plan:
    """Plan a clip's sequences. Raises InputError if its files do not match."""
    video = sources.probe(clip.video)
    video = replace(video, uses=_uses(video, settings))
    mask, truth = (
        None if path is None else _partner(video, sources.probe(path, masks=what == "masks"), what, settings)
        for path, what in ((clip.mask, "masks"), (clip.truth, "true frames"))
    )
    total = min(sum(source.uses) for source in (video, mask, truth) if source is not None)
    geometry = resizing.plan(video.size, video.pixel_aspect, settings.target, settings.resize)
    if min(geometry.size) < SMALLEST_SIDE:
        raise InputError(
            f"{clip.video} would make frames of {resizing.size_text(geometry.size)}; both sides need at least "
            f"{SMALLEST_SIDE} pixels, see --size"
        )
    pieces = cutting.cuts(clip.name, total, settings.frames)
    if not pieces:
        raise InputError(f"{clip.video} has {total} frames, fewer than the {settings.frames} of --frames")
    if pieces[0].frames > MAX_SEQUENCE_FRAMES:
        raise InputError(f"{clip.video} has {total} frames, too many for one sequence; cut it with --frames")
    notes: tuple[str, ...] = ()
    if settings.rate is not None and video.times is None:
        notes += ("images have no frame rate: all of them are kept, whatever --rate says",)
    if pieces[-1].first + pieces[-1].frames < total:
        notes += ("frames at the end that do not fill a sequence are left out",)
    if video.reader.gaps:
        notes += (video.reader.gaps,)
    return Plan(video, mask, truth, geometry, total, pieces, notes)


def _uses(source: Source, settings: ImportCommand) -> tuple[int, ...]:
    """How often each frame is used at --rate."""
    if settings.rate is None or source.times is None or source.rate is None:
        return (1,) * source.frames
    return tuple(cutting.resample(source.times, float(source.rate), settings.rate))


def _partner(video: Source, source: Source, what: str, settings: ImportCommand) -> Source:
    """Masks or truths with the uses of their frames: as the video's, or by their own times if the counts differ.

    Raises InputError unless they match the video in number of frames, numbering and aspect ratio.
    """
    _check_view(video, source)
    if source.still and what == "masks":
        return replace(source, uses=(sum(video.uses),))
    if what == "masks" and settings.missing_masks == "empty":
        return replace(source, reader=pair_masks(video.reader, source.reader), frames=video.frames, uses=video.uses)
    if source.frames != video.frames:
        return _by_time(video, source, what, settings)
    refuse_other_numbers(video.reader, source.reader)
    return replace(source, uses=video.uses)


def _by_time(video: Source, source: Source, what: str, settings: ImportCommand) -> Source:
    """Masks or truths whose number differs from the frames': paired by time at --rate, else refused."""
    timed = video.times is not None and source.times is not None
    uses = _uses(source, settings)
    if timed and settings.rate is not None and abs(sum(uses) - sum(video.uses)) <= 1:
        return replace(source, uses=uses)
    hint = ""
    if timed and settings.rate is None and source.rate != video.rate:
        rates = [float(one.rate or 0) for one in (source, video)]
        hint = f"; they have {rates[0]:.4g} and {rates[1]:.4g} frames per second, --rate pairs them by time"
    elif what == "masks" and (missing := video.reader.without_mask(source.reader)):
        hint = f"; {missing} have none, --missing-masks empty takes that as nothing to inpaint"
    counts = f"{source.path} has {source.frames} {what} for the {video.frames} frames of {video.path}"
    raise InputError(counts + hint)


def _check_view(video: Source, source: Source) -> None:
    square = (round(video.size[0] * float(video.pixel_aspect)), video.size[1])
    if not any(resizing.same_view(source.size, size) for size in (video.size, square)):
        raise InputError(
            f"{source.path} is {resizing.size_text(source.size)}, but {video.path} {resizing.size_text(video.size)}; "
            "their aspect ratios differ"
        )
