"""A clip as a model is shown it: its hole filled."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill
from inpainting.baselines.settings import ConditionSource
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks, windows
from inpainting.video.masks import Hole

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""


@dataclass(frozen=True)
class ConditionedClip:
    """A clip, whole or a window of one, with its hole filled; it may lie on disk.

    filled: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated.
    """

    filled: Clip
    hole: Hole

    def windows(self, timeline: Timeline) -> Iterator["ConditionedClip"]:
        """The windows of a timeline, in order."""
        filled, hole = (windows.cut(part, timeline.starts, timeline.length) for part in (self.filled, self.hole))
        return map(ConditionedClip, filled, hole)


def condition_clip(rgb: Clip, hole: Hole, dilation: int, source: ConditionSource) -> ConditionedClip:
    """A whole clip with its hole, grown by `dilation` pixels, filled.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated.
    """
    return ConditionedClip(fill(rgb, masks.dilate(hole, dilation), source), hole)
