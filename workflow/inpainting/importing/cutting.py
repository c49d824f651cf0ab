"""Resample a clip's frames and cut them into sequences."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cut:
    """A sequence of a clip: its id, its first frame (from 0, after resampling) and its number of frames."""

    id: str
    first: int
    frames: int


def cuts(name: str, total: int, frames: int | None) -> list[Cut]:
    """The sequences of a clip of `total` frames: the whole clip if `frames` is None, else pieces of `frames` frames.

    Pieces are named by their first frame, counted from 1: <name>_00001, <name>_00050, ...
    """
    if frames is None:
        return [Cut(name, 0, total)]
    return [Cut(f"{name}_{start + 1:05d}", start, frames) for start in range(0, total - frames + 1, frames)]


def resample(times: tuple[float, ...], source_rate: float, rate: float) -> list[int]:
    """How often each frame is used when a clip is resampled to `rate` frames per second.

    times: seconds of each frame, ascending from 0. Each output time k / rate takes the nearest frame, the earlier of
    two equally near ones. The clip's duration includes 1 / source_rate seconds for the last frame.
    """
    moments = np.arange(max(1, round((times[-1] + 1 / source_rate) * rate))) / rate
    middles = (np.asarray(times[1:]) + np.asarray(times[:-1])) / 2
    chosen = np.searchsorted(middles, moments - 1e-9, side="left")
    return np.bincount(chosen, minlength=len(times)).tolist()
