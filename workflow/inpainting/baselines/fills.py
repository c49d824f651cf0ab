"""Filling the hole of a whole clip by the name of what shall lie there: the same for training and for inference."""

from functools import partial
from typing import NamedTuple

import numpy as np

from inpainting.baselines.baseline import Clip
from inpainting.baselines.doubt import MOST, Doubt, doubt
from inpainting.baselines.flow_propagation import find_motion, flow_propagation
from inpainting.baselines.per_frame import masked_input
from inpainting.baselines.registry import FILLS
from inpainting.baselines.settings import Signal
from inpainting.video.masks import Hole


class Filled(NamedTuple):
    """A clip with its hole filled, uint8 [frames, height, width, 3], and how far the fill is to be doubted."""

    clip: Clip
    doubt: Doubt


def fill(rgb: Clip, hole: Hole, signal: Signal) -> Clip:
    """The clip as its condition shows it: equal to rgb outside the hole and, unless the signal is `rgb`, blind to it.

    rgb: uint8 [frames, height, width, 3], the whole clip, not a window of it, so that a fill finds what any frame
    shows; hole: bool [frames, height, width], dilated.
    """
    return rgb if signal == "rgb" else FILLS[signal].fill(rgb, hole)


def is_frame_by_frame(signal: Signal) -> bool:
    """Whether `fill` looks at each frame alone."""
    return signal == "rgb" or FILLS[signal].frame_by_frame


def fill_with_doubt(rgb: Clip, hole: Hole, signal: Signal) -> Filled:
    """As `fill`, and what is to be thought of it, which takes about as long again; blind to the hole as well.

    Grey is doubted as far as can be, and the input as it is not at all.
    """
    if signal == "rgb":
        return Filled(rgb, np.zeros(hole.shape, np.uint8))
    if signal == "grey":
        return Filled(fill(rgb, hole, signal), np.where(hole, np.uint8(MOST), np.uint8(0)))
    by = FILLS[signal].fill
    if signal == "flow_propagation":  # half of its time goes into the motion, which need not be found twice
        by = partial(flow_propagation, motion=find_motion(masked_input(rgb, hole), hole))
    return Filled(by(rgb, hole), doubt(rgb, hole, by))
