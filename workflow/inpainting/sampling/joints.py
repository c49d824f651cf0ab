"""The joints of windows: whether frames change more where windows overlap or meet than elsewhere."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from inpainting.sampling.window_schedule import WindowSchedule


class JointMeter:
    """Measures changes between consecutive frames as they are made; only one frame is kept.

    Two consecutive frames are at a joint if a window begins or ends between them or if windows overlap there. A change
    is the mean absolute difference in 0..255 over the pixels that are hole (or known) in both frames.
    """

    def __init__(self, schedule: WindowSchedule) -> None:
        self._joints = set(joints(schedule))
        self._before: tuple[NDArray[np.uint8], NDArray[np.bool_]] | None = None
        self._number = 0
        self._changes: dict[tuple[str, bool], list[float]] = {}

    def add(self, frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> None:
        """Add the next frame, uint8 [height, width, 3], and its dilated hole, bool [height, width]."""
        if self._before is not None:
            change = np.abs(frame.astype(np.int16) - self._before[0])
            for name, both in (("hole", hole & self._before[1]), ("known", ~hole & ~self._before[1])):
                if both.any():
                    at_joint = self._number - 1 in self._joints
                    self._changes.setdefault((name, at_joint), []).append(float(change[both].mean()))
        self._before = frame, hole
        self._number += 1

    def result(self) -> dict[str, float] | None:
        """Mean change at joints and elsewhere, and their ratio, in the hole and in the known pixels.

        The ratio of the known pixels is that of the scene itself. None without joints, or without frames elsewhere.
        """
        found = {}
        for name in ("hole", "known"):
            at, elsewhere = (self._changes.get((name, joint), []) for joint in (True, False))
            if at and elsewhere and max(elsewhere) > 0:
                found[f"{name}_at_joints"], found[f"{name}_elsewhere"] = float(np.mean(at)), float(np.mean(elsewhere))
                found[f"{name}_ratio"] = float(np.mean(at) / np.mean(elsewhere))
        return found if "hole_ratio" in found else None


def joints(schedule: WindowSchedule) -> Iterable[int]:
    """The joints, each by the number (from 0) of the earlier of its two frames."""
    for earlier, later in zip(schedule.starts, schedule.starts[1:], strict=False):
        yield from range(later - 1, earlier + schedule.length)
