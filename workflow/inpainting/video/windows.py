"""Cutting sequences into windows of 8k+1 frames, and joining what was made of the windows."""

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def plan(frames: int, window: int, overlap: int = 0) -> list[int]:
    """First frames of the fewest evenly spread windows that cover all frames and share at least `overlap` of them.

    100 frames in windows of 49 start at 0, 25 and 51. A sequence shorter than a window is one window, to be padded.
    Windows of one frame share nothing.
    """
    if frames <= window:
        return [0]
    overlap = min(overlap, window - 1)
    count = math.ceil((frames - overlap) / (window - overlap))
    return [i * (frames - window) // (count - 1) for i in range(count)]


def padded_length(frames: int, window: int) -> int:
    """Frames that a clip is padded to before it is encoded: `window`, or the next 8k+1 where the clip is shorter."""
    return window if frames >= window else 8 * math.ceil((frames - 1) / 8) + 1


def pad(clip: NDArray[Scalar], length: int) -> NDArray[Scalar]:
    """Repeat the last frame of a clip [frames, ...] until it has `length` frames."""
    return np.concatenate([clip, np.repeat(clip[-1:], length - len(clip), axis=0)])


def weights(starts: list[int], window: int, frames: int) -> NDArray[np.float32]:
    """Share of each window in each frame: float32 [windows, frames]; columns sum to 1, overlaps fade linearly."""
    ramp = np.zeros((len(starts), frames), np.float32)
    for row, start in zip(ramp, starts, strict=True):
        length = min(window, frames - start)
        position = np.arange(length)
        row[start : start + length] = np.minimum(position + 1, length - position)
    return ramp / ramp.sum(axis=0, keepdims=True)


def join(results: Iterable[NDArray[np.uint8]], starts: list[int], window: int, frames: int) -> NDArray[np.uint8]:
    """One clip, uint8 [frames, ...], of what was made of its windows, uint8 [window, ...] each, faded by `weights`.

    Floats are held for one window at a time, so that a long clip takes little more memory than its bytes.
    """
    finished: list[NDArray[np.uint8]] = []
    fading: NDArray[np.float32] | None = None
    ends = [*starts[1:], frames]
    for start, end, share, result in zip(starts, ends, weights(starts, window, frames), results, strict=True):
        part = share[start : min(start + window, frames)]
        weighted = result[: len(part)] * part.reshape(-1, *[1] * (result.ndim - 1))
        if fading is not None:
            weighted[: len(fading)] += fading
        finished.append(weighted[: end - start].round().astype(np.uint8))
        fading = weighted[end - start :]
    return np.concatenate(finished)
