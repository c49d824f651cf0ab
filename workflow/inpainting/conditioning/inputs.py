"""What the model is told of a clip: its pixels with the hole filled, and where the hole is.

Latents are cached and clips are inpainted through these same functions, so that training and inference see alike.
"""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from numpy.typing import NDArray
from torch import Tensor

from inpainting.baselines.settings import Signal
from inpainting.models import vae as vae_latents
from inpainting.models.settings import ConditionSettings
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.windows import Scalar

MASK_CHANNELS = {"area": 1, "frames": 4}
"""Channels of the mask by `mask_input`."""

CELL = 8
"""Pixels of a latent cell, down and across."""

GRID = 2 * CELL
"""Frame sizes are padded to multiples of this: two cells a patch."""


@dataclass(frozen=True)
class Frame:
    """Where a clip lies inside its padding to the grid: its height and width in pixels."""

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
        return (self.height + rows) // CELL, (self.width + columns) // CELL

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


def input_channels(settings: ConditionSettings, latent_channels: int) -> int:
    """Channels that the model takes: noisy latents and, where it is widened, condition latents and mask."""
    return 2 * latent_channels + MASK_CHANNELS[settings.mask_input] if settings.widens else latent_channels


def mask_channels(hole: Hole, channels: int) -> Tensor:
    """The mask as the model takes it, by its number of channels: float32 [latent frames, channels, rows, columns].

    One channel: the share of each latent cell that is hole. Four: the share in each of the cell's frames.
    """
    if channels == MASK_CHANNELS["frames"]:
        return torch.from_numpy(masks.latent_area_by_frame(hole))
    assert channels == MASK_CHANNELS["area"]
    return torch.from_numpy(masks.latent_area(hole))[:, None]


def model_input(noisy: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
    """Noisy latents, condition latents and mask, [batch, latent frames, channels, height, width] each, as one."""
    return torch.cat([noisy, condition, mask.to(noisy)], dim=2)


def replaced(noisy: Tensor, known: Tensor, mask: Tensor) -> Tensor:
    """Noisy latents with the known ones, noised alike, wherever a cell is free of the hole.

    noisy, known: [batch, latent frames, channels, height, width]; mask: shares, [batch, latent frames, 1, ...].
    """
    return torch.where(mask > 0, noisy, known)
