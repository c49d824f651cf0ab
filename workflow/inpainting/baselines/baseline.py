"""The registry entry of a classical method."""

from collections.abc import Callable
from dataclasses import dataclass

from inpainting.artifacts.method_kinds import CLASSICAL, Kind
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole


@dataclass(frozen=True)
class Baseline:
    """A method that fills a hole from the known pixels of the same clip, without training."""

    name: str
    fill: Callable[[Frames, Hole], Frames]
    """Function of rgb, uint8 [frames, height, width, 3], and hole, bool [frames, height, width], that returns frames
    of the same shape, equal to rgb outside the hole. It reads no pixel inside the hole and changes neither array."""
    description: str
    """What it does and where it was published, for captions of tables."""
    kind: Kind = CLASSICAL
    """See `artifacts.method_kinds`."""
    condition: str = ""
    """Name of the condition that has this fill in its hole; empty: not available as a condition."""
    frame_by_frame: bool = False
    """Whether each frame is filled independently, so that a long clip can be streamed."""
    compared: bool = True
    """Whether the pipeline compares it with the experiments by default."""
