"""Filling the hole of a whole clip by the name of what shall lie there: the same for training and for inference."""

from inpainting.baselines.registry import FILLS
from inpainting.baselines.settings import ConditionSource
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole


def fill(rgb: Frames, hole: Hole, source: ConditionSource) -> Frames:
    """The clip as its condition shows it: equal to rgb outside the hole and, unless the source is `rgb`, blind to it.

    rgb: uint8 [frames, height, width, 3], the whole clip, not a window of it, so that a fill finds what any frame
    shows; hole: bool [frames, height, width], dilated.
    """
    return rgb if source == "rgb" else FILLS[source].fill(rgb, hole)


def is_frame_by_frame(source: ConditionSource) -> bool:
    """Whether `fill` looks at each frame alone."""
    return source == "rgb" or FILLS[source].frame_by_frame
