"""What the model is told of a clip: its pixels with the hole filled, and where the hole is.

Latents are cached and clips are inpainted through these same functions, so that training and inference see alike.
"""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from numpy.typing import NDArray
from torch import Tensor

from inpainting.filling.settings import Signal
from inpainting.models import vae as vae_latents
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.windows import Scalar

LATENT_CHANNELS = 16
MASK_CHANNELS = 1
INPUT_CHANNELS = 2 * LATENT_CHANNELS + MASK_CHANNELS
"""Channels of the widened model: noisy latents, condition latents, mask."""

GRID = 16
"""Frame sizes are padded to multiples of this: the VAE's 8 pixels a cell, two cells a patch."""


@dataclass(frozen=True)
class Frame:
    """Where a clip lies inside its padding to the grid: height and width in pixels, before and after."""

    height: int
    width: int

    @property
    def padding(self) -> tuple[int, int]:
        """Rows and columns to add below and to the right."""
        return -self.height % GRID, -self.width % GRID

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of latent cells of the padded clip."""
        rows, columns = self.padding
        return (self.height + rows) // 8, (self.width + columns) // 8

    def pad(self, clip: NDArray[Scalar]) -> NDArray[Scalar]:
        """Repeat the edges of a clip [frames, height, width, ...] up to the grid."""
        rows, columns = self.padding
        return np.pad(clip, [(0, 0), (0, rows), (0, columns)] + [(0, 0)] * (clip.ndim - 3), mode="edge")

    def crop(self, clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Undo `pad`."""
        return clip[:, : self.height, : self.width]


def condition_signal(clip: NDArray[np.uint8], hole: Hole, signal: Signal) -> Tensor:
    """What the VAE encodes of a window: float32 [frames, 3, height, width] in -1..1.

    clip: uint8 [frames, height, width, 3], cut from what `filling.fills.fill` made of the whole clip for this signal;
    hole: bool [frames, height, width], dilated. Mid-grey is 0 exactly, which lies between two values of uint8. The hole
    is filled before encoding, never in the latents: the VAE would spread what is under it.
    """
    scaled = vae_latents.to_signal(clip)
    return scaled * torch.from_numpy(~hole)[:, None] if signal == "grey" else scaled


def encode_condition(vae: AutoencoderKLCogVideoX, signal: Tensor) -> Tensor:
    """Condition latents (the posterior's mode) of masked clips [batch, frames, 3, height, width].

    Returns float32 [batch, latent frames, channels, height / 8, width / 8].
    """
    return vae_latents.encode(vae, signal)[0]


def mask_channel(hole: Hole) -> Tensor:
    """The share of each latent cell that is hole, as the model takes it: float32 [latent frames, 1, rows, columns]."""
    return torch.from_numpy(masks.latent_area(hole))[:, None]


def model_input(noisy: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
    """Noisy latents, condition latents and mask, [batch, latent frames, channels, height, width] each, as one."""
    return torch.cat([noisy, condition, mask.to(noisy)], dim=2)
