"""Does the truth belong to the input? Outside the mask both must show the same, but for shadows and reflections."""

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
"""Pixels of a frame that are compared, on a regular grid; medians need no more."""

NOISE = 1.0
"""Levels: a median difference that compression alone may leave; up to it nothing is searched for."""

REACH = 5
"""Frames by which the truth is shifted at most, either way, when a better fit is searched for."""

BETTER = 0.5
"""A shift explains a difference when at most this share of it is left."""

SAME_SCENE = 0.5
"""Correlation of input and truth from which on they show the same scene, if in other colours."""


@dataclass(frozen=True)
class Triple:
    """One frame: input and truth, uint8 [height, width, 3], and where they must agree, bool [height, width]."""

    number: int
    rgb: Pixels
    truth: Pixels
    known: Known


@dataclass(frozen=True)
class Likeness:
    """How input and truth of one frame compare outside the dilated mask.

    difference: median over pixels of |RGB - GT|, mean over channels, in levels; correlation: of their brightness, 1 for
    a flat picture.
    """

    number: int
    difference: float
    correlation: float


ReadTriple = Callable[[int], Triple | None]
ReadTruth = Callable[[int], Pixels | None]


def compare(triple: Triple) -> Likeness | None:
    """Input and truth on a grid of pixels; None where the mask leaves none."""
    step = max(1, round((triple.known.size / PIXELS_COMPARED) ** 0.5))
    known = triple.known[::step, ::step]
    rgb = triple.rgb[::step, ::step][known].astype(np.int16)
    truth = triple.truth[::step, ::step][known].astype(np.int16)
    if not len(rgb):
        return None
    bright = np.stack([rgb.sum(axis=1), truth.sum(axis=1)]).astype(np.float32)
    flat = min(bright[0].std(), bright[1].std()) < 1
    correlation = 1.0 if flat else float(np.corrcoef(bright[0], bright[1])[0, 1])
    return Likeness(triple.number, float(np.median(np.abs(rgb - truth).sum(axis=1))) / 3, correlation)


def judge(
    likenesses: Sequence[Likeness], settings: AuditSettings, read_triple: ReadTriple, read_truth: ReadTruth
) -> list[Finding]:
    """What is wrong with a truth that differs from the input in most pixels outside the mask.

    `read_triple` gives a frame by its number, `read_truth` its truth alone; None for what can't be read. They are asked
    only when the difference is more than noise.
    """
    if not likenesses:
        return []
    difference = median(likeness.difference for likeness in likenesses)
    if difference <= NOISE:
        return []
    places = sorted({0, len(likenesses) // 2, len(likenesses) - 1})
    found = [read_triple(likenesses[place].number) for place in places]
    triples = [triple for triple in found if triple is not None]
    told = f"half of the pixels outside the mask differ by {difference:.1f} levels or more"
    if lag := shift_in_time(triples, read_truth):
        detail = f"the input's frame n fits GT frame n{lag:+d}; as they are numbered, {told}"
        return [Finding(Reason.SHIFTED_TRUTH, None, detail)]
    if shift := shift_in_space(triples):
        detail = f"GT lies {shift[0]:+d} pixels to the right and {shift[1]:+d} down of the input; {told}"
        return [Finding(Reason.SHIFTED_TRUTH, None, detail)]
    if difference <= settings.difference_limit:
        return []
    correlation = median(likeness.correlation for likeness in likenesses)
    reason = Reason.OTHER_COLOURS if correlation >= SAME_SCENE else Reason.OTHER_SCENE
    return [Finding(reason, None, f"{told}; difference_limit is {settings.difference_limit:g}")]


def shift_in_time(triples: Sequence[Triple], read_truth: ReadTruth) -> int:
    """The lag k, the same in all of some frames, by which input n fits truth n + k; 0 where none fits better.

    A lag is believed that leaves at most the share BETTER of the difference wherever it can be tried, twice at least.
    """
    errors: dict[int, list[float]] = {lag: [] for lag in range(-REACH, REACH + 1) if lag}
    for triple in triples:
        here = compare(triple)
        for lag in list(errors):
            truth = read_truth(triple.number + lag)
            if here is None or truth is None or truth.shape != triple.rgb.shape:
                continue
            there = compare(Triple(triple.number, triple.rgb, truth, triple.known))
            if there is None or there.difference > BETTER * here.difference:
                del errors[lag]
            else:
                errors[lag].append(there.difference)
    believed = {lag: sum(tried) / len(tried) for lag, tried in errors.items() if len(tried) >= 2}
    return min(believed, key=lambda lag: (believed[lag], abs(lag))) if believed else 0


def shift_in_space(triples: Sequence[Triple]) -> tuple[int, int] | None:
    """By how many whole pixels (right, down) the truth lies off the input, the same in most of some frames, or None.

    Source: E. De Castro, C. Morandi: Registration of translated and rotated images using finite Fourier transforms,
    IEEE PAMI 9, 1987, as OpenCV's phaseCorrelate does it.
    """
    if not triples:
        return None
    shifts = Counter(map(_offset, triples))
    shift, count = shifts.most_common(1)[0]
    if shift == (0, 0) or 2 * count <= len(triples) or not all(_explains(triple, shift) for triple in triples):
        return None
    return shift


def _offset(triple: Triple) -> tuple[int, int]:
    """How far the truth lies off the input in whole pixels; what the mask hides plays no part."""
    views = []
    for image in (triple.rgb, triple.truth):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        grey[~triple.known] = grey[triple.known].mean()
        views.append(grey)
    window = cv2.createHanningWindow(views[0].shape[::-1], cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(views[0], views[1], window)
    return round(right), round(down)


def _explains(triple: Triple, shift: tuple[int, int]) -> bool:
    height, width = triple.known.shape
    right, down = shift
    if abs(right) >= width // 2 or abs(down) >= height // 2:
        return False
    here = (slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right)))
    there = (slice(max(0, down), height - max(0, -down)), slice(max(0, right), width - max(0, -right)))
    moved = compare(Triple(triple.number, triple.rgb[here], triple.truth[there], triple.known[here]))
    still = compare(triple)
    return moved is not None and still is not None and moved.difference <= BETTER * still.difference
