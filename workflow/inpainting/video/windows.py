"""Cutting sequences into windows of frames, and blending processed windows into one clip."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inpainting.core import seeds

Scalar = TypeVar("Scalar", bound=np.generic)


def plan(frames: int, window: int, overlap: int = 0) -> list[int]:
    """Start frames of the fewest evenly spaced windows that cover all frames; neighbours share at least `overlap`.

    Windows of 49 over 100 frames start at 0, 25 and 51. A sequence shorter than a window is one window, to be padded.
    Windows of one frame do not overlap.
    """
    if frames <= window:
        return [0]
    overlap = min(overlap, window - 1)
    count = math.ceil((frames - overlap) / (window - overlap))
    return [i * (frames - window) // (count - 1) for i in range(count)]


def plan_shared(frames: int, window: int, overlap: int, stride: int) -> list[int]:
    """As `plan`, with starts at multiples of `stride` frames, so that neighbours share latent frames."""
    if window == 1 or frames <= window:
        return plan(frames, window, overlap)
    groups, in_window = math.ceil((frames - 1) / stride), (window - 1) // stride
    shared = min(math.ceil(max(overlap - 1, 0) / stride), in_window - 1)
    return [stride * start for start in plan(groups, in_window, shared)]


def choose(starts: Sequence[int], count: int | None, sequence: str) -> list[int]:
    """The start frames of `count` windows of a sequence, ascending; of all if there are no more, or if it is None.

    A hash of the sequence's name and the start frame decides: other sequences do not change the choice, and a larger
    `count` adds windows to those of a smaller one.
    """
    ranked = sorted(starts, key=lambda start: seeds.derive(0, "windows.choose", sequence, start))
    return sorted(ranked[:count])


def pad(clip: NDArray[Scalar], length: int) -> NDArray[Scalar]:
    """Repeat the last frame of a clip [frames, ...] until it has `length` frames."""
    return np.concatenate([clip, np.repeat(clip[-1:], length - len(clip), axis=0)])


def weights(starts: Sequence[int], window: int, frames: int) -> NDArray[np.float32]:
    """Blend weight of each window in each frame: float32 [windows, frames] in 0..1.

    Each column sums to 1; in overlaps the weights change linearly.
    """
    share = np.zeros((len(starts), frames), np.float32)
    for row, start in zip(share, starts, strict=True):
        ramp = _ramp(min(window, frames - start))
        row[start : start + len(ramp)] = ramp
    return share / share.sum(axis=0, keepdims=True)


def _ramp(length: int) -> NDArray[np.float32]:
    """Unnormalised weights of a window's frames, lowest at both ends: float32 [length]."""
    position = np.arange(length, dtype=np.float32)
    return np.minimum(position + 1, length - position)


def joined(
    results: Iterable[NDArray[np.uint8]], starts: Sequence[int], window: int, frames: int
) -> Iterator[NDArray[np.uint8]]:
    """Blend processed windows, uint8 [window, ...] each, by `weights`, and yield the clip's frames one by one.

    results: the windows in the order of `starts`; frames: the clip's length. At most one window is held as float, plus
    the frames of the window before that overlap it.
    """
    total = np.zeros(frames, np.float32)
    for start in starts:
        ramp = _ramp(min(window, frames - start))
        total[start : start + len(ramp)] += ramp
    fading: NDArray[np.float32] | None = None
    for start, end, result in zip(starts, [*starts[1:], frames], results, strict=True):
        ramp = _ramp(min(window, frames - start))
        share = ramp / total[start : start + len(ramp)]
        weighted = result[: len(share)] * share.reshape(-1, *[1] * (result.ndim - 1))
        if fading is not None:
            weighted[: len(fading)] += fading
        yield from weighted[: end - start].round().astype(np.uint8)
        fading = weighted[end - start :]


def join(results: Iterable[NDArray[np.uint8]], starts: Sequence[int], window: int, frames: int) -> NDArray[np.uint8]:
    """Blend processed windows into one clip, uint8 [frames, ...]; see `joined`."""
    return np.stack(list(joined(results, starts, window, frames)))
