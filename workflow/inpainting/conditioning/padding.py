"""Pad clips to the model's grid, and crop its output back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.models.family import Geometry
from inpainting.video.windows import Scalar


@dataclass(frozen=True)
class Padding:
    """Padding of frames of `height` x `width` pixels, at the bottom and the right."""

    height: int
    width: int
    geometry: Geometry

    @property
    def added(self) -> tuple[int, int]:
        """(rows added at the bottom, columns added at the right)."""
        return -self.height % self.geometry.grid, -self.width % self.geometry.grid

    @property
    def latent_size(self) -> tuple[int, int]:
        """Latent (rows, columns) of the padded clip."""
        return self.geometry.latent_size(self.height, self.width)

    def pad(self, clip: NDArray[Scalar]) -> NDArray[Scalar]:
        """Repeat the edges of a clip [frames, height, width, ...] up to the grid."""
        rows, columns = self.added
        return np.pad(clip, [(0, 0), (0, rows), (0, columns)] + [(0, 0)] * (clip.ndim - 3), mode="edge")

    def crop(self, clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Undo `pad`: cut a clip [frames, rows, columns, ...] to `height` and `width`."""
        return clip[:, : self.height, : self.width]
