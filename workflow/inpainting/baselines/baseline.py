"""What the entry of a classical method says."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.method_kinds import CLASSICAL, Kind
from inpainting.video.masks import Hole

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3], red, green, blue in 0..255."""


@dataclass(frozen=True)
class Baseline:
    """A method that fills a hole from the known pixels of its own clip, without any training."""

    name: str
    fill: Callable[[Clip, Hole], Clip]
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
