"""Masks judged in time: whether they come too early or late for what they cover, and gaps and jumps between frames.

Times are frame numbers, from 1. Pictures are compared on a grid of at most SIDE x SIDE pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.stages.dataset.alignment import MAX_LAG, MAX_REMAINING_SHARE
from inpainting.video.difference import exceeds, summed_difference
from inpainting.video.masks import Value
from inpainting.video.sequence import MASK

Map = NDArray[np.bool_]
"""bool [rows, columns], on the grid."""

ReadHole = Callable[[int], Map | None]
"""The hole of a frame on the grid, by number; None for an unreadable mask."""

SIDE = 160
"""Points on the longer side of the grid, at least as long as the picture's side allows."""

MISFIT_SHARE = 0.25
"""A mask misfits a change if more than this share of the change is outside it, and of its own area unchanged."""

LEAST_CHANGE = 12
"""Points. A smaller change is not compared with a mask."""

FRAMES_TRIED = 4
"""Misfitting frames in which other frames' masks are tried."""

LENGTH_JUMP = 1.15
"""A mask is decoded if its file is this many times as long or short as the one before."""

MASKS_READ = 16
"""Masks at most that are decoded because their files' lengths jump."""

LONGEST_GAP = 10
"""Frames. Longer runs of empty masks count as an object that left and came back."""

AREA_JUMP, LEAST_AREA = 3.0, 0.01
"""A mask's area jumps if it changes by this factor from one frame to the next, and by this share of the frame."""


@dataclass(frozen=True)
class ChangeAndHole:
    """Of one frame on the grid, where input and truth differ, and the hole."""

    number: int
    change: Map
    hole: Map

    @property
    def misfits(self) -> bool:
        """Whether much of the change is outside the hole, and much of the hole unchanged."""
        changed, covered = int(self.change.sum()), int((self.change & self.hole).sum())
        if changed < LEAST_CHANGE or not self.hole.any():
            return False
        return covered < (1 - MISFIT_SHARE) * changed and covered < (1 - MISFIT_SHARE) * int(self.hole.sum())


def on_grid(picture: NDArray[Value]) -> NDArray[Value]:
    """Every nth row and column of a picture [height, width, ...]."""
    step = max(1, max(picture.shape[:2]) // SIDE)
    return np.ascontiguousarray(picture[::step, ::step])


def change_and_hole(
    number: int, rgb: NDArray[np.uint8], truth: NDArray[np.uint8], hole: Map, threshold: float
) -> ChangeAndHole:
    """Where the frame `number` changes by more than `threshold` grey levels (0..255), and its hole.

    rgb, truth: uint8 [height, width, 3]; hole: bool [height, width], not dilated.
    """
    return ChangeAndHole(number, exceeds(summed_difference(on_grid(rgb), on_grid(truth)), threshold), on_grid(hole))


def check_shift(frames: Sequence[ChangeAndHole], read_hole: ReadHole) -> list[Finding]:
    """A finding if the masks fit what was removed only when they are shifted in time.

    read_hole: called only if the masks of at least two frames, and of half of all, do not fit.
    """
    misfits = [frame for frame in frames if frame.misfits]
    if len(misfits) < max(2, len(frames) / 2):
        return []
    places = np.linspace(0, len(misfits) - 1, min(FRAMES_TRIED, len(misfits))).round().astype(int)
    lag = _lag([misfits[place] for place in places], read_hole)
    if not lag:
        return []
    detail = (
        f"{MASK}: in {len(misfits)} of {len(frames)} frames what was removed lies outside the mask; the mask of frame "
        f"n{lag:+d} fits frame n, so the masks come {abs(lag)} frame{'s' * (abs(lag) > 1)} too "
        + ("late" if lag > 0 else "early")
    )
    return [Finding(Reason.SHIFTED_MASK, misfits[0].number, detail)]


def _lag(frames: Sequence[ChangeAndHole], read_hole: ReadHole) -> int:
    """The lag k for which the mask of frame n + k fits the change of frame n in all given frames; 0 if none does.

    A lag fits if at most MAX_REMAINING_SHARE of the points remain at which change and hole differ, in each frame where
    it can be tried and in at least two.
    """
    errors: dict[int, list[float]] = {lag: [] for lag in range(-MAX_LAG, MAX_LAG + 1) if lag}
    for frame in frames:
        here = int((frame.change ^ frame.hole).sum())
        for lag in list(errors):
            hole = read_hole(frame.number + lag)
            if hole is None or hole.shape != frame.change.shape:
                continue
            there = int((frame.change ^ hole).sum())
            if there > MAX_REMAINING_SHARE * here:
                del errors[lag]
            else:
                errors[lag].append(there / here)
    found = {lag: sum(tried) / len(tried) for lag, tried in errors.items() if len(tried) >= 2}
    return min(found, key=lambda lag: (found[lag], abs(lag))) if found else 0


def masks_to_read(lengths: Mapping[int, int]) -> list[int]:
    """Numbers of the masks whose area may jump, ascending: those at the largest jumps of the files' lengths.

    lengths: bytes of each mask's file by number. A PNG's length follows its outline, so that an empty mask, a hole that
    is cut and a box stand out without being decoded.
    """
    jumps = {
        number: max(length, before) / max(min(length, before), 1)
        for number, length in lengths.items()
        if (before := lengths.get(number - 1)) is not None
    }
    largest = sorted((number for number in jumps if jumps[number] >= LENGTH_JUMP), key=lambda n: (-jumps[n], n))
    return sorted({read for number in largest[: MASKS_READ // 2] for read in (number - 1, number)})


def check_areas(areas: Mapping[int, float]) -> list[Finding]:
    """Warnings about masks that are empty between others that are not, and about areas that jump.

    areas: share of hole pixels, 0..1, by number, of the masks that were decoded.
    """
    numbers = sorted(areas)
    filled = [number for number in numbers if areas[number] > 0]
    gaps = [
        (before, after)
        for before, after in pairwise(filled)
        if after - before <= LONGEST_GAP + 1 and any(before < number < after for number in numbers)
    ]
    jumps = [
        number
        for number in filled
        if min(areas.get(number - 1, 0), areas[number]) > 0 and _jumps(areas[number - 1], areas[number])
    ]
    findings = []
    if gaps:
        before, after = gaps[0]
        empty = next(number for number in numbers if before < number < after)
        more = f", and {len(gaps) - 1} more such gaps" if len(gaps) > 1 else ""
        detail = f"{MASK}: frame {empty} is empty, frames {before} and {after} are not{more}"
        findings.append(Finding(Reason.FLICKERING_MASK, empty, detail))
    if jumps:
        number = jumps[0]
        more = f", and so in {len(jumps) - 1} more frames" if len(jumps) > 1 else ""
        areas_then = f"{areas[number - 1]:.2%} in frame {number - 1} and {areas[number]:.2%} in the next"
        findings.append(Finding(Reason.JUMPING_MASK, number, f"{MASK}: covers {areas_then}{more}"))
    return findings


def _jumps(before: float, after: float) -> bool:
    low, high = sorted((before, after))
    return high >= AREA_JUMP * low and high - low >= LEAST_AREA
