"""Encodings of a pixel hole as mask channels on the latent grid."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.models.family import Geometry
from inpainting.video import masks
from inpainting.video.masks import Hole


@dataclass(frozen=True)
class MaskInput:
    """One such encoding."""

    name: str
    description: str
    """What the channels hold, for the option's help."""
    channels: Callable[[Geometry], int]
    from_hole: Callable[[Hole, Geometry], NDArray[np.float32]]
    """From a window's dilated hole, bool [frames, height, width] on the grid, to the mask, float32 [latent frames,
    channels, rows, columns] in 0..1: 0 for latents without hole pixels; more than 0 for all others, but with
    `trilinear`."""


def area(hole: Hole, geometry: Geometry) -> NDArray[np.float32]:
    """The share of hole pixels in each latent cell, over all its frames: float32 [latent frames, 1, rows, columns]."""
    return masks.latent_area(hole, geometry.spatial_factor, geometry.temporal_factor)[:, None]


def area_by_frame(hole: Hole, geometry: Geometry) -> NDArray[np.float32]:
    """The share of hole pixels in each latent cell, in each of its frames.

    Returns float32 [latent frames, `temporal_factor`, rows, columns]. hole: bool [frames, height, width].
    """
    return masks.latent_area_by_frame(hole, geometry.spatial_factor, geometry.temporal_factor)


def trilinear(hole: Hole, geometry: Geometry) -> NDArray[np.float32]:
    """The hole as trilinear interpolation resizes it: float32 [latent frames, 1, rows, columns].

    It is the mean of each cell's four central pixels in the two central frames; holes between these are lost. The first
    frame is resized alone. hole: bool [frames, height, width].
    """
    space, time = geometry.spatial_factor, geometry.temporal_factor
    frames, height, width = hole.shape
    cells = hole.reshape(frames, height // space, space, width // space, space)
    central = slice(space // 2 - 1, space // 2 + 1)
    resized = cells[:, :, central, :, central].mean(axis=(2, 4), dtype=np.float32)
    groups = resized[1:].reshape(-1, time, *resized.shape[1:])[:, time // 2 - 1 : time // 2 + 1]
    return np.concatenate([resized[:1], groups.mean(axis=1)])[:, None]


AREA = MaskInput("area", "one channel, the share of each latent's pixels that is hole", lambda geometry: 1, area)
FRAMES = MaskInput(
    "frames",
    "a channel for each frame of a latent frame, the share of the latent's pixels that is hole in it",
    lambda geometry: geometry.temporal_factor,
    area_by_frame,
)
TRILINEAR = MaskInput(
    "trilinear",
    "one channel, resized by trilinear interpolation as CogVideoX-Fun-InP was trained; loses small holes",
    lambda geometry: 1,
    trilinear,
)
