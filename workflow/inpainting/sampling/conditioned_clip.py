"""A whole clip as a model is shown it: its hole filled, as it is or mirrored."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill
from inpainting.baselines.settings import Signal
from inpainting.conditioning.inputs import CELL, Frame
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.windows import Scalar

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""

MIRRORED: dict[bool, tuple[bool, ...]] = {False: (False,), True: (False, True)}
"""Which views there are, by whether mirrored ones are asked for: for each, whether it is mirrored."""


@dataclass(frozen=True)
class View:
    """A whole clip, or a window of one, as the model is shown it; it may lie on disk.

    filled: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated; mirrored: whether the
    clip and its hole were mirrored before they were filled.
    """

    filled: Clip
    hole: Hole
    mirrored: bool = False

    @property
    def frame(self) -> Frame:
        """Where it lies on the model's grid."""
        _, height, width = self.hole.shape
        return place(height, width, self.mirrored)

    def windows(self, timeline: Timeline) -> Iterator["View"]:
        """The windows of a timeline, in order."""

        def cut(part: NDArray[Scalar]) -> Iterator[NDArray[Scalar]]:
            return windows.cut(part, timeline.starts, timeline.length)

        for filled, hole in zip(cut(self.filled), cut(self.hole), strict=True):
            yield View(filled, hole, self.mirrored)


def look(rgb: Clip, hole: Hole, dilation: int, signal: Signal, mirrored: bool = False) -> list[View]:
    """A whole clip, its hole filled, and after it, where `mirrored` asks for it, the same of the mirrored clip.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated. A fill that follows motion
    finds something else in a mirrored clip, and is wrong elsewhere.
    """
    views = []
    for flipped in MIRRORED[mirrored]:
        seen, where = (mirror(rgb), mirror(hole)) if flipped else (rgb, hole)
        grown = masks.dilate(where, dilation)
        views.append(View(fill(seen, grown, signal), where, flipped))
    return views


def place(height: int, width: int, mirrored: bool) -> Frame:
    """Where frames of a size lie on the model's grid: mirrored ones half a cell off, so that errors fall elsewhere."""
    return Frame(height, width, CELL // 2 if mirrored else 0)


def mirror(clip: NDArray[Scalar]) -> NDArray[Scalar]:
    """A clip [frames, height, width, ...], left for right."""
    return np.ascontiguousarray(clip[:, :, ::-1])
