"""Make one clip's sequences: frames, masks and truth are read together once, resized, cut and written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.import_table import LEFT_OUT, MADE, REFUSED
from inpainting.core.errors import InputError
from inpainting.importing import cutting, resizing, sources
from inpainting.importing.cutting import Cut
from inpainting.importing.import_state import ImportState, Row
from inpainting.importing.pairing import ClipFiles
from inpainting.importing.resizing import FrameHole, ResizePlan
from inpainting.importing.settings import SMALLEST_SIDE, ImportCommand
from inpainting.importing.shapes import Shapes
from inpainting.importing.sources import Source
from inpainting.importing.writing import OpenSequence, OpenSequences
from inpainting.video.reader import Picture

MAX_SEQUENCE_FRAMES = 99999
"""Highest number of frames of a sequence, by the layout's file names."""


@dataclass(frozen=True)
class Outcome:
    """The result for a clip: rows of import.tsv, number of sequences from earlier imports, and notes for the log."""

    clip: ClipFiles
    rows: list[Row]
    kept: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """How a clip's frames become sequences; uses: how often each frame of the video is used, in its order."""

    video: Source
    mask: Source | None
    truth: Source | None
    geometry: ResizePlan
    uses: list[int]
    pieces: list[Cut]
    notes: tuple[str, ...]

    def fit(
        self, picture: Picture, mask: NDArray[np.uint8] | None, truth: Picture | None, settings: ImportCommand
    ) -> tuple[Picture, FrameHole | None, Picture | None]:
        """Resize a frame, its mask, uint8 [height, width] as stored, and its truth; returns frame, hole and truth."""
        hole = None
        if mask is not None:
            hole = (mask >= settings.threshold) != settings.mask_invert
            hole = self.geometry.of((mask.shape[1], mask.shape[0])).hole(hole)
        if truth is not None:
            truth = self.geometry.of((truth.shape[1], truth.shape[0])).picture(truth)
        return self.geometry.picture(picture), hole, truth


def import_clip(clip: ClipFiles, settings: ImportCommand) -> Outcome:
    """Make all sequences of a clip. An error in its files becomes a refused row and is not raised.

    Sequences that were finished before the error are kept. Raises OSError if the output can't be written.
    """
    rows: dict[str, Row] = {}
    kept = 0
    state: ImportState | None = None
    try:
        if clip.problem:
            raise InputError(clip.problem)
        state = ImportState(clip, settings)
        rows, kept = state.rows, len(state.rows)
        if state.complete:
            return Outcome(clip, _in_order(rows), kept)
        plan = make_plan(clip, settings)
        anew = () if state.same else ("made anew, since files, settings or code have changed",)
        state.begin([piece.id for piece in plan.pieces])
        for row in _make(plan, [piece for piece in plan.pieces if piece.id not in rows], settings):
            state.add(row)
    except InputError as error:
        stale = 0 if state is None else len(state.stale())
        reason = f"{error}; {stale} sequences of an earlier import stay as they were" if stale else str(error)
        return Outcome(clip, [*_in_order(rows), {"id": "", "verdict": REFUSED, "reason": reason}], kept)
    return Outcome(clip, _in_order(rows), kept, (*plan.notes, *anew))


def _in_order(rows: dict[str, Row]) -> list[Row]:
    return sorted(rows.values(), key=lambda row: row["first_frame"])


def make_plan(clip: ClipFiles, settings: ImportCommand) -> Plan:
    """Plan a clip's sequences without decoding all frames. Raises InputError if its files do not match."""
    video = sources.probe(clip.video)
    mask = None if clip.mask is None else sources.probe(clip.mask)
    truth = None if clip.truth is None else sources.probe(clip.truth)
    for source, what in ((mask, "masks"), (truth, "true frames")):
        if source is not None:
            _check_partner(video, source, what)
    geometry = resizing.plan(video.size, video.pixel_aspect, settings.target, settings.resize)
    if min(geometry.size) < SMALLEST_SIDE:
        raise InputError(
            f"{clip.video} would make frames of {resizing.size_text(geometry.size)}; both sides need at least "
            f"{SMALLEST_SIDE} pixels, see --size"
        )
    uses, notes = _uses(video, settings)
    total = sum(uses)
    pieces = cutting.cuts(clip.name, total, settings.frames, settings.stride)
    if not pieces:
        raise InputError(f"{clip.video} has {total} frames, fewer than the {settings.frames} of --frames")
    if pieces[0].frames > MAX_SEQUENCE_FRAMES:
        raise InputError(f"{clip.video} has {total} frames, too many for one sequence; cut it with --frames")
    if cutting.left_over(total, pieces):
        notes += ("frames at the end that do not fill a sequence are left out",)
    if video.numbers is not None and len(set(np.diff(video.numbers))) > 1:
        notes += ("frame numbers are missing; the frames are used in order",)
    return Plan(video, mask, truth, geometry, uses, pieces, (*_resize_note(geometry), *notes))


def _resize_note(geometry: ResizePlan) -> tuple[str, ...]:
    return () if geometry.source == geometry.size else (str(geometry),)


def _uses(video: Source, settings: ImportCommand) -> tuple[list[int], tuple[str, ...]]:
    """How often each frame is used, and a note about the rate."""
    if settings.rate is None:
        return [1] * video.frames, ()
    if video.times is None or video.rate is None:
        return [1] * video.frames, ("images have no frame rate: all of them are kept, whatever --rate says",)
    uses = cutting.resample(video.times, float(video.rate), settings.rate)
    return uses, (f"{float(video.rate):.6g} frames per second resampled to {settings.rate:g}",)


def _check_partner(video: Source, source: Source, what: str) -> None:
    """Raise InputError unless masks or truth match the video in number of frames, numbering and aspect ratio."""
    if not (source.still and what == "masks") and source.frames != video.frames:
        raise InputError(f"{source.path} has {source.frames} {what} for the {video.frames} frames of {video.path}")
    if not _in_step(video.numbers, source.numbers):
        raise InputError(f"the numbers of {source.path} and of {video.path} do not match; a frame may be missing")
    square = (round(video.size[0] * float(video.pixel_aspect)), video.size[1])
    if not any(resizing.same_view(source.size, size) for size in (video.size, square)):
        raise InputError(
            f"{source.path} is {resizing.size_text(source.size)}, but {video.path} {resizing.size_text(video.size)}; "
            "their aspect ratios differ"
        )


@dataclass(frozen=True)
class _Work:
    """A sequence that is being written, with its painted objects if masks are made."""

    piece: Cut
    sequence: OpenSequence
    shapes: Shapes | None

    def add(self, rgb: Picture, hole: FrameHole | None, truth: Picture | None) -> None:
        if self.shapes is not None:
            painted, hole = self.shapes.paint(rgb, self.sequence.frames)
            self.sequence.add(painted, hole, rgb)
        else:
            assert hole is not None
            self.sequence.add(rgb, hole, truth)


def _in_step(one: tuple[int, ...] | None, other: tuple[int, ...] | None) -> bool:
    """Whether two numberings are equal up to an offset; true if either has no numbers."""
    if one is None or other is None or len(one) != len(other):
        return True
    return all(a - one[0] == b - other[0] for a, b in zip(one, other, strict=True))


def _make(plan: Plan, pieces: list[Cut], settings: ImportCommand) -> Iterator[Row]:
    """Write some of the plan's sequences, in order, and yield the row of each finished one.

    Raises InputError if a frame can't be read or if there are fewer frames than the files declare.
    """
    waiting, under_way, number = deque(pieces), deque[_Work](), -1
    brightest = 0
    with OpenSequences() as sequences:
        for number, (picture, mask, truth) in enumerate(_frames(plan)):
            if waiting and waiting[0].first == number:
                under_way.append(_begin(waiting.popleft(), sequences, plan, settings))
            if not under_way:
                continue
            values = None if mask is None else sources.brightest(mask)
            brightest = max(brightest, 0 if values is None else int(values.max()))
            fitted = plan.fit(picture, values, truth, settings)
            for work in under_way:
                work.add(*fitted)
            if under_way[0].sequence.frames == under_way[0].piece.frames:
                done = under_way.popleft()
                keep = done.sequence.coverage > 0
                sequences.end(done.sequence, keep)
                yield _row(plan, done, "" if keep else _why_empty(brightest, settings))
    if waiting or under_way:
        raise InputError(f"{plan.video.path}, its masks or its truth end after {number + 1} of {sum(plan.uses)} frames")


def _begin(piece: Cut, sequences: OpenSequences, plan: Plan, settings: ImportCommand) -> _Work:
    truth = settings.make_masks or plan.truth is not None
    shapes = Shapes(settings.seed, piece.id, piece.frames, plan.geometry.size) if settings.make_masks else None
    return _Work(piece, sequences.begin(settings.out / piece.id, truth), shapes)


def _row(plan: Plan, work: _Work, reason: str) -> Row:
    return {
        "id": work.piece.id,
        "verdict": LEFT_OUT if reason else MADE,
        "reason": reason,
        "frames": work.piece.frames,
        "first_frame": work.piece.first + 1,
        "size": resizing.size_text(plan.geometry.size),
        "source_size": resizing.size_text(plan.video.size),
        "source_rate": None if plan.video.rate is None else round(float(plan.video.rate), 3),
        "coverage": round(work.sequence.coverage, 4),
    }


def _why_empty(brightest: int, settings: ImportCommand) -> str:
    return f"the masks are empty: their values reach {brightest}, and --mask-threshold is {settings.threshold}"


def _frames(plan: Plan) -> Iterator[tuple[Picture, Picture | None, Picture | None]]:
    """Frames with masks and truths, each as often as it is used."""

    def read(source: Source | None) -> Iterator[Picture] | repeat[None] | repeat[Picture]:
        if source is None:
            return repeat(None)
        return repeat(next(sources.pictures(source.path))) if source.still else sources.pictures(source.path)

    streams = zip(plan.uses, sources.pictures(plan.video.path), read(plan.mask), read(plan.truth), strict=False)
    for uses, picture, mask, truth in streams:
        yield from repeat((picture, mask, truth), uses)
