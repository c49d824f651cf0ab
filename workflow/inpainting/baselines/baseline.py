"""What the entry of a classical method says."""

from collections.abc import Callable
from dataclasses import dataclass

from inpainting.artifacts.method_kinds import CLASSICAL, Kind
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole


@dataclass(frozen=True)
class Baseline:
    """A method that fills a hole from the known pixels of its own clip, without any training."""

    name: str
    fill: Callable[[Frames, Hole], Frames]
    """From rgb, uint8 [frames, height, width, 3], and hole, bool [frames, height, width], to a clip that equals rgb
    outside the hole. No pixel inside the hole is read; neither array is changed."""
    description: str
    """What it does, and where it was published, for the tables' readers."""
    kind: Kind = CLASSICAL
    """A floor is what any method has to beat."""
    condition: str = ""
    """What a condition is called that shows this fill to the model; empty where it may be none."""
    frame_by_frame: bool = False
    """Whether it looks at each frame alone, so that a long clip can be filled as a stream."""
    compared: bool = True
    """Whether the pipeline compares it with the experiments unless the configuration says otherwise."""
