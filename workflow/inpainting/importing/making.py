"""Make one clip's sequences: frames, masks and truth are read together once, resized, cut and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

import numpy as np

from inpainting.artifacts.import_table import LEFT_OUT, MADE, REFUSED
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.importing import resizing
from inpainting.importing.cutting import Cut
from inpainting.importing.import_state import ImportState, Row
from inpainting.importing.pairing import ClipFiles
from inpainting.importing.planning import Plan, make_plan
from inpainting.importing.settings import ImportCommand
from inpainting.importing.shapes import Shapes
from inpainting.video import sequence
from inpainting.video.images import MaskLevels, Picture
from inpainting.video.masks import below_threshold


@dataclass(frozen=True)
class Outcome:
    """The result for a clip: rows of import.tsv, number of sequences from earlier imports, and notes for the log."""

    clip: ClipFiles
    rows: list[Row]
    kept: int = 0
    notes: tuple[str, ...] = ()


class _Unusable(Exception):
    """Raised inside a sequence's atomic path to discard it."""


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
            return Outcome(clip, _judged(rows, settings), kept)
        plan = make_plan(clip, settings)
        anew = () if state.same else ("made anew, since files, settings or code have changed",)
        state.begin([piece.id for piece in plan.pieces])
        for row in _make(plan, set(rows), settings):
            state.add(row)
    except InputError as error:
        stale = 0 if state is None else len(state.stale())
        reason = f"{error}; {stale} sequences of an earlier import stay as they were" if stale else str(error)
        return Outcome(clip, [*_in_order(rows), {"id": "", "verdict": REFUSED, "reason": reason}], kept)
    return Outcome(clip, _judged(rows, settings), kept, (*plan.notes, *anew))


def _judged(rows: dict[str, Row], settings: ImportCommand) -> list[Row]:
    """The rows in order; and one that refuses the clip if its masks stay below the threshold."""
    ordered = _in_order(rows)
    reason = below_threshold(max(row.get("highest", 0) for row in ordered), settings.threshold)
    if not reason or any(row["verdict"] == MADE for row in ordered):
        return ordered
    return [*ordered, {"id": "", "verdict": REFUSED, "reason": reason}]


def _in_order(rows: dict[str, Row]) -> list[Row]:
    return sorted(rows.values(), key=lambda row: row["first_frame"])


def _make(plan: Plan, done: set[str], settings: ImportCommand) -> Iterator[Row]:
    """Write the plan's sequences that are not done, in order, and yield the row of each.

    Raises InputError if a frame can't be read or if there are fewer frames than the files declare.
    """
    frames = _frames(plan)
    for piece in plan.pieces:
        part = islice(frames, piece.frames)
        if piece.id in done:
            last = sum(1 for _ in part)
            written = _Written(last)
        else:
            written = _write(settings.out / piece.id, piece, part, plan, settings)
        if written.frames < piece.frames:
            raise InputError(
                f"{plan.video.path}, its masks or its truth end after {piece.first + written.frames} of "
                f"{plan.total} frames"
            )
        if piece.id not in done:
            yield _row(plan, piece, written, settings)


@dataclass
class _Written:
    """What was written of a sequence: number of frames, sum of the holes' shares, highest value of the masks."""

    frames: int = 0
    hole_share: float = 0.0
    highest: int = 0


def _write(
    path: Path,
    piece: Cut,
    frames: Iterator[tuple[Picture, MaskLevels | None, Picture | None]],
    plan: Plan,
    settings: ImportCommand,
) -> _Written:
    """Write a sequence; it appears when it is complete, and not at all if frames are missing or masks empty or full."""
    shapes = Shapes(settings.seed, piece.id, piece.frames, plan.geometry.size) if settings.make_masks else None
    kinds = [settings.rgb_folder, settings.mask_folder]
    if settings.make_masks or plan.truth is not None:
        kinds.append(settings.truth_folder)
    written = _Written()
    try:
        with atomic_path(path, durable=False) as temporary:
            for kind in kinds:
                (temporary / kind).mkdir(parents=True)
            for picture, levels, truth in frames:
                rgb, hole, true = plan.fit(picture, levels, truth, settings)
                if shapes is not None:
                    true = rgb
                    rgb, hole = shapes.paint(true, written.frames)
                assert hole is not None
                written.frames += 1
                written.hole_share += float(hole.mean())
                written.highest = max(written.highest, 0 if levels is None else int(levels.max()))
                for kind, image in zip(kinds, (rgb, 255 * hole.astype(np.uint8), true), strict=False):
                    assert image is not None
                    sequence.write_image(temporary / kind, written.frames, image)
            if written.frames < piece.frames or written.hole_share in {0, written.frames}:
                raise _Unusable
    except _Unusable:
        pass
    return written


def _row(plan: Plan, piece: Cut, written: _Written, settings: ImportCommand) -> Row:
    rate, reason = plan.video.rate, ""
    if written.hole_share in {0, written.frames}:
        what = "empty" if not written.hole_share else "full"
        reason = f"the masks are {what}: their values reach {written.highest}, the threshold is {settings.threshold}"
    return {
        "id": piece.id,
        "verdict": LEFT_OUT if reason else MADE,
        "reason": reason,
        "frames": piece.frames,
        "first_frame": piece.first + 1,
        "size": resizing.size_text(plan.geometry.size),
        "source_size": resizing.size_text(plan.video.size),
        "source_rate": None if rate is None else round(float(rate), 3),
        "coverage": round(written.hole_share / written.frames, 4),
        "highest": written.highest,
    }


def _frames(plan: Plan) -> Iterator[tuple[Picture, MaskLevels | None, Picture | None]]:
    """Frames with the levels of their masks and with their truths, each as often as it is used."""
    return zip(
        plan.video.used(plan.video.reader),
        repeat(None) if plan.mask is None else plan.mask.used(plan.mask.reader.masks()),
        repeat(None) if plan.truth is None else plan.truth.used(plan.truth.reader),
        strict=False,
    )
