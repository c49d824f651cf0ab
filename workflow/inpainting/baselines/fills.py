"""Filling a clip's hole by the name of the condition source; shared by training and inference."""

from inpainting.baselines.registry import FILLS
from inpainting.baselines.settings import ConditionSource
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole


def fill(rgb: Frames, hole: Hole, source: ConditionSource) -> Frames:
    """The frames that the VAE encodes as the condition: rgb with its hole filled or, for the source `rgb`, unchanged.

    rgb: uint8 [frames, height, width, 3], the whole clip rather than a window, so that a fill can use every frame;
    hole: bool [frames, height, width], dilated.
    """
    return rgb if source == "rgb" else FILLS[source].fill(rgb, hole)


def is_frame_by_frame(source: ConditionSource) -> bool:
    """Whether `fill` fills each frame independently."""
    return source == "rgb" or FILLS[source].frame_by_frame
