"""Alignment of truth and input: outside the mask both must show the same, except for shadows and reflections."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.stages.dataset.settings import AuditSettings

Pixels = NDArray[np.uint8]
Known = NDArray[np.bool_]

PIXELS_COMPARED = 20000
"""Pixels per frame that are compared, on a regular grid; enough for a median."""

COMPRESSION_NOISE = 1.0
"""Grey levels. Compression alone causes a median difference up to this; no shift is searched for below it."""

MAX_LAG = 5
"""Frames. Largest shift in time, in both directions, that is tried."""

MAX_REMAINING_SHARE = 0.5
"""A shift explains a difference if at most this share of the difference remains."""

SAME_SCENE_CORRELATION = 0.5
"""From this correlation on, input and truth count as the same scene in other colours."""


@dataclass(frozen=True)
class FramePair:
    """Input and truth of one frame.

    rgb, truth: uint8 [height, width, 3]; known: where they must agree (outside the dilated mask), bool [height, width].
    """

    number: int
    rgb: Pixels
    truth: Pixels
    known: Known


@dataclass(frozen=True)
class Comparison:
    """Comparison of input and truth of one frame outside the dilated mask.

    difference: median over pixels of |RGB - GT| (mean over channels) in grey levels, 0..255; correlation: of their
    brightness, -1..1, and 1 for a flat picture.
    """

    number: int
    difference: float
    correlation: float


ReadPair = Callable[[int], FramePair | None]
ReadTruth = Callable[[int], Pixels | None]


def compare(pair: FramePair) -> Comparison | None:
    """Compare input and truth on a grid of pixels; None if the mask covers all of them."""
    step = max(1, round((pair.known.size / PIXELS_COMPARED) ** 0.5))
    known = pair.known[::step, ::step]
    rgb = pair.rgb[::step, ::step][known].astype(np.int16)
    truth = pair.truth[::step, ::step][known].astype(np.int16)
    if not len(rgb):
        return None
    bright = np.stack([rgb.sum(axis=1), truth.sum(axis=1)]).astype(np.float32)
    flat = min(bright[0].std(), bright[1].std()) < 1
    correlation = 1.0 if flat else float(np.corrcoef(bright[0], bright[1])[0, 1])
    return Comparison(pair.number, float(np.median(np.abs(rgb - truth).sum(axis=1))) / 3, correlation)


def check_alignment(
    comparisons: Sequence[Comparison], settings: AuditSettings, read_pair: ReadPair, read_truth: ReadTruth
) -> list[Finding]:
    """At most one finding on why the truth differs from the input in most pixels outside the mask.

    read_pair, read_truth: read a frame, or its truth alone, by number; None for an unreadable one. Called only if the
    median difference exceeds COMPRESSION_NOISE.
    """
    if not comparisons:
        return []
    difference = median(comparison.difference for comparison in comparisons)
    if difference <= COMPRESSION_NOISE:
        return []
    places = sorted({0, len(comparisons) // 2, len(comparisons) - 1})
    found = [read_pair(comparisons[place].number) for place in places]
    pairs = [pair for pair in found if pair is not None]
    measured = f"half of the pixels outside the mask differ by {difference:.1f} levels or more"
    if lag := shift_in_time(pairs, read_truth):
        detail = f"the input's frame n fits GT frame n{lag:+d}; as they are numbered, {measured}"
        return [Finding(Reason.SHIFTED_TRUTH, None, detail)]
    if shift := shift_in_space(pairs):
        detail = f"GT is shifted by {shift[0]:+d} pixels to the right and {shift[1]:+d} down from the input; {measured}"
        return [Finding(Reason.SHIFTED_TRUTH, None, detail)]
    if difference <= settings.difference_limit:
        return []
    correlation = median(comparison.correlation for comparison in comparisons)
    reason = Reason.OTHER_COLOURS if correlation >= SAME_SCENE_CORRELATION else Reason.OTHER_SCENE
    return [Finding(reason, None, f"{measured}; difference_limit is {settings.difference_limit:g}")]


def shift_in_time(pairs: Sequence[FramePair], read_truth: ReadTruth) -> int:
    """The lag k for which input frame n fits truth frame n + k in all given frames; 0 if none fits better.

    A lag counts if it leaves at most MAX_REMAINING_SHARE of the difference in every frame where it can be tried, and
    if these are at least two.
    """
    errors: dict[int, list[float]] = {lag: [] for lag in range(-MAX_LAG, MAX_LAG + 1) if lag}
    for pair in pairs:
        here = compare(pair)
        for lag in list(errors):
            truth = read_truth(pair.number + lag)
            if here is None or truth is None or truth.shape != pair.rgb.shape:
                continue
            there = compare(FramePair(pair.number, pair.rgb, truth, pair.known))
            if there is None or there.difference > MAX_REMAINING_SHARE * here.difference:
                del errors[lag]
            else:
                errors[lag].append(there.difference)
    accepted = {lag: sum(tried) / len(tried) for lag, tried in errors.items() if len(tried) >= 2}
    return min(accepted, key=lambda lag: (accepted[lag], abs(lag))) if accepted else 0


def shift_in_space(pairs: Sequence[FramePair]) -> tuple[int, int] | None:
    """Offset (x, y) of the truth from the input in whole pixels, if most given frames have the same one; else None.

    Source: E. De Castro, C. Morandi: Registration of translated and rotated images using finite Fourier transforms,
    IEEE PAMI 9, 1987, as OpenCV's phaseCorrelate does it.
    """
    if not pairs:
        return None
    shifts = Counter(map(_offset, pairs))
    shift, count = shifts.most_common(1)[0]
    if shift == (0, 0) or 2 * count <= len(pairs) or not all(_explains(pair, shift) for pair in pairs):
        return None
    return shift


def _offset(pair: FramePair) -> tuple[int, int]:
    """Offset (x, y) of the truth from the input in whole pixels; masked pixels are set to the mean."""
    images = []
    for image in (pair.rgb, pair.truth):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        grey[~pair.known] = grey[pair.known].mean()
        images.append(grey)
    window = cv2.createHanningWindow(images[0].shape[::-1], cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(images[0], images[1], window)
    return round(right), round(down)


def _explains(pair: FramePair, shift: tuple[int, int]) -> bool:
    """Whether at most MAX_REMAINING_SHARE of the difference remains after the shift."""
    height, width = pair.known.shape
    right, down = shift
    if abs(right) >= width // 2 or abs(down) >= height // 2:
        return False
    here = (slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right)))
    there = (slice(max(0, down), height - max(0, -down)), slice(max(0, right), width - max(0, -right)))
    moved = compare(FramePair(pair.number, pair.rgb[here], pair.truth[there], pair.known[here]))
    still = compare(pair)
    return moved is not None and still is not None and moved.difference <= MAX_REMAINING_SHARE * still.difference
