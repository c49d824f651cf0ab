"""Clips are padded to a model's grid, and what it makes of them is cropped back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.models.family import Geometry
from inpainting.video.windows import Scalar


@dataclass(frozen=True)
class Padding:
    """Of frames of a height and width in pixels, below them and to their right."""

    height: int
    width: int
    geometry: Geometry

    @property
    def added(self) -> tuple[int, int]:
        """Rows and columns to add below and to the right."""
        return -self.height % self.geometry.grid, -self.width % self.geometry.grid

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of latent cells of the padded clip."""
        return self.geometry.latent_size(self.height, self.width)

    def pad(self, clip: NDArray[Scalar]) -> NDArray[Scalar]:
        """Repeat the edges of a clip [frames, height, width, ...] up to the grid."""
        rows, columns = self.added
        return np.pad(clip, [(0, 0), (0, rows), (0, columns)] + [(0, 0)] * (clip.ndim - 3), mode="edge")

    def crop(self, clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Undo `pad`."""
        return clip[:, : self.height, : self.width]
