"""A whole clip as a model is shown it: its hole filled, as it is or mirrored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.filling.doubt import Doubt
from inpainting.filling.fills import Filled
from inpainting.filling.settings import Signal
from inpainting.inference.conditioning import CELL, Frame
from inpainting.inference.timeline import Timeline
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.windows import Scalar

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""

Window = tuple[Clip, Hole, Doubt]
"""A window of a `View`: its frames, its hole and its doubt, [window, ...] each."""

FilledBy = Callable[[Clip, Hole, Signal], Filled]
"""`restoration.Models.fill` of the models that inpaint."""

MIRRORED: dict[bool, tuple[bool, ...]] = {False: (False,), True: (False, True)}
"""Which views there are, by whether mirrored ones are asked for: for each, whether it is mirrored."""


@dataclass(frozen=True)
class View:
    """A whole clip as the model is shown it; what the fill made of it may lie on disk.

    frames: uint8 [frames, height, width, 3], filled; hole: bool [frames, height, width], not dilated; doubt: the
    fill's, of the hole's shape; mirrored: whether the clip and its hole were mirrored before they were filled.
    """

    frames: Clip
    hole: Hole
    doubt: Doubt
    mirrored: bool = False

    @property
    def frame(self) -> Frame:
        """Where it lies on the model's grid."""
        _, height, width = self.hole.shape
        return place(height, width, self.mirrored)

    def windows(self, timeline: Timeline) -> Iterator[Window]:
        """The windows of a timeline, in order."""
        parts = (self.frames, self.hole, self.doubt)
        return zip(*(windows.cut(part, timeline.starts, timeline.length) for part in parts), strict=True)


def look(
    filled_by: FilledBy, rgb: Clip, hole: Hole, dilation: int, signal: Signal, mirrored: bool = False
) -> list[View]:
    """A whole clip, its hole filled, and after it, where `mirrored` asks for it, the same of the mirrored clip.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated. A fill that follows motion
    finds something else in a mirrored clip, and is wrong elsewhere.
    """
    views = []
    for flipped in MIRRORED[mirrored]:
        seen, where = (mirror(rgb), mirror(hole)) if flipped else (rgb, hole)
        filled = filled_by(seen, masks.dilate(where, dilation), signal)
        views.append(View(filled.clip, where, filled.doubt, flipped))
    return views


def place(height: int, width: int, mirrored: bool) -> Frame:
    """Where frames of a size lie on the model's grid: mirrored ones half a cell off, so that errors fall elsewhere."""
    return Frame(height, width, CELL // 2 if mirrored else 0)


def mirror(clip: NDArray[Scalar]) -> NDArray[Scalar]:
    """A clip [frames, height, width, ...], left for right."""
    return np.ascontiguousarray(clip[:, :, ::-1])
