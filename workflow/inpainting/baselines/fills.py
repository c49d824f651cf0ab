"""Filling the hole of a whole clip by the name of what shall lie there: the same for training and for inference."""

from collections.abc import Callable

from inpainting.baselines import classical
from inpainting.baselines.classical import Clip
from inpainting.baselines.settings import Fill, Signal
from inpainting.video.masks import Hole

FILLS: dict[Fill, Callable[[Clip, Hole], Clip]] = {
    "grey": classical.masked_input,
    "telea": classical.telea,
    "temporal_median": classical.temporal_median,
    "flow_propagation": classical.flow_propagation,
}


def fill(rgb: Clip, hole: Hole, signal: Signal) -> Clip:
    """The clip as its condition shows it: equal to rgb outside the hole and, unless the signal is `rgb`, blind to it.

    rgb: uint8 [frames, height, width, 3], the whole clip, not a window of it, so that a fill finds what any frame
    shows; hole: bool [frames, height, width], dilated.
    """
    return rgb if signal == "rgb" else FILLS[signal](rgb, hole)
