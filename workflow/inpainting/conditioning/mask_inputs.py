"""How a hole in pixels becomes the mask that a model is shown on the latent grid."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.models.family import Geometry
from inpainting.video import masks
from inpainting.video.masks import Hole


@dataclass(frozen=True)
class MaskInput:
    """A mask as a model is shown it."""

    name: str
    description: str
    """What it tells, for the option's help."""
    channels: Callable[[Geometry], int]
    of_hole: Callable[[Hole, Geometry], NDArray[np.float32]]
    """From a window's hole, dilated, bool [frames, height, width], sizes on the grid, to the mask, [latent frames,
    channels, rows, columns]. It is more than 0 in every cell that holds any hole, and 0 in all others."""


def area(hole: Hole, geometry: Geometry) -> NDArray[np.float32]:
    """The share of each latent cell that is hole."""
    return masks.latent_area(hole, geometry.spatial_factor, geometry.temporal_factor)[:, None]


def area_by_frame(hole: Hole, geometry: Geometry) -> NDArray[np.float32]:
    """The share of each cell that is hole, in each of its frames."""
    return masks.latent_area_by_frame(hole, geometry.spatial_factor, geometry.temporal_factor)


AREA = MaskInput("area", "the share of each latent cell that is hole, as one channel", lambda geometry: 1, area)
FRAMES = MaskInput(
    "frames",
    "the share of it that is hole in each of the frames of its latent frame, as a channel each",
    lambda geometry: geometry.temporal_factor,
    area_by_frame,
)
