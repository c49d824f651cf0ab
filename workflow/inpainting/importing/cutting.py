"""Which frames of a clip are used, and which sequences they make."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cut:
    """A sequence to be made of a clip: its id, its first frame (from 0, after resampling) and its frames."""

    id: str
    first: int
    frames: int


def cuts(name: str, total: int, frames: int | None, stride: int | None) -> list[Cut]:
    """The sequences of a clip of `total` frames: the whole clip by its name, or pieces by name and first frame.

    Pieces are called <name>_00001, <name>_00050, ...: the frame of the clip, counted from 1, that they begin with.
    """
    if frames is None:
        return [Cut(name, 0, total)]
    starts = range(0, total - frames + 1, stride or frames)
    return [Cut(f"{name}_{start + 1:05d}", start, frames) for start in starts]


def left_over(total: int, pieces: list[Cut]) -> int:
    """Frames at the end of the clip that no sequence has."""
    return total - max((piece.first + piece.frames for piece in pieces), default=0)


def resample(times: tuple[float, ...], source_rate: float, rate: float) -> list[int]:
    """How often each frame is used when a clip is shown at `rate` frames per second.

    times: seconds of each frame, ascending from 0. Each moment k / rate takes the frame nearest in time, the earlier of
    two; the clip lasts until the last frame has been shown for 1 / source_rate seconds.
    """
    moments = np.arange(max(1, round((times[-1] + 1 / source_rate) * rate))) / rate
    middles = (np.asarray(times[1:]) + np.asarray(times[:-1])) / 2
    chosen = np.searchsorted(middles, moments - 1e-9, side="left")
    return np.bincount(chosen, minlength=len(times)).tolist()
