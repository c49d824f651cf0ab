"""A whole clip as a model is shown it: its hole filled, as it is or mirrored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import Filled
from inpainting.baselines.settings import Signal
from inpainting.baselines.trust import FillTrust
from inpainting.conditioning.inputs import Frame
from inpainting.models.family import Geometry
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.windows import Scalar

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""

FilledBy = Callable[[Clip, Hole, Signal], Filled]
"""`restoration.Models.fill` of the models that inpaint."""

MIRRORED: dict[bool, tuple[bool, ...]] = {False: (False,), True: (False, True)}
"""Which views there are, by whether mirrored ones are asked for: for each, whether it is mirrored."""


@dataclass(frozen=True)
class View:
    """A whole clip, or a window of one, as the model is shown it; what fills made of it may lie on disk.

    fills: the fill that the model is shown and, after it, others of which something may be kept; hole: bool [frames,
    height, width], not dilated; mirrored: whether the clip and its hole were mirrored before they were filled.
    """

    fills: dict[Signal, Filled]
    hole: Hole
    mirrored: bool = False

    @property
    def shown(self) -> Filled:
        """The fill that the model is shown."""
        return next(iter(self.fills.values()))

    def frame(self, geometry: Geometry) -> Frame:
        """Where it lies on a model's grid."""
        _, height, width = self.hole.shape
        return place(height, width, geometry, self.mirrored)

    def windows(self, timeline: Timeline) -> Iterator["View"]:
        """The windows of a timeline, in order."""

        def cut(part: NDArray[Scalar]) -> Iterator[NDArray[Scalar]]:
            return windows.cut(part, timeline.starts, timeline.length)

        fills = [zip(cut(fill.clip), cut(fill.doubt), strict=True) for fill in self.fills.values()]
        for hole, *filled in zip(cut(self.hole), *fills, strict=True):
            yield View(dict(zip(self.fills, starmap(Filled, filled), strict=True)), hole, self.mirrored)


def needed(signal: Signal, trust: FillTrust | None) -> tuple[Signal, ...]:
    """The fills of a `View`: the one that the model is shown, and those of which something is kept."""
    return tuple(dict.fromkeys((signal, *(trust.biases if trust else ()))))


def look(
    filled_by: FilledBy, rgb: Clip, hole: Hole, dilation: int, signals: Sequence[Signal], mirrored: bool = False
) -> list[View]:
    """A whole clip, its hole filled, and after it, where `mirrored` asks for it, the same of the mirrored clip.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated; signals: the fills, the one
    that the model is shown first. A fill that follows motion finds something else in a mirrored clip, and is wrong
    elsewhere.
    """
    views = []
    for flipped in MIRRORED[mirrored]:
        seen, where = (mirror(rgb), mirror(hole)) if flipped else (rgb, hole)
        grown = masks.dilate(where, dilation)
        views.append(View({signal: filled_by(seen, grown, signal) for signal in signals}, where, flipped))
    return views


def place(height: int, width: int, geometry: Geometry, mirrored: bool) -> Frame:
    """Where frames of a size lie on a model's grid: mirrored ones half a cell off, so that errors fall elsewhere."""
    return Frame(height, width, geometry, geometry.cell // 2 if mirrored else 0)


def mirror(clip: NDArray[Scalar]) -> NDArray[Scalar]:
    """A clip [frames, height, width, ...], left for right."""
    return np.ascontiguousarray(clip[:, :, ::-1])
