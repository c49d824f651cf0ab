"""Tensors of the condition: the clip with its hole filled, and the mask on the latent grid.

The latent cache and the pipeline call the same functions, so that training and inference get the same inputs.
"""

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from numpy.typing import NDArray
from torch import Tensor

from inpainting.baselines.settings import ConditionSource
from inpainting.conditioning.mask_inputs import MaskInput
from inpainting.models import vae as vae_latents
from inpainting.models.family import Geometry
from inpainting.video.masks import Hole


def condition_tensor(
    clip: NDArray[np.uint8], hole: Hole, source: ConditionSource, device: torch.device = vae_latents.CPU
) -> Tensor:
    """A window as the VAE encodes it: float32 [frames, 3, height, width] in -1..1, on a device.

    clip: uint8 [frames, height, width, 3], a window of the whole clip that `baselines.fills.fill` filled; hole: bool
    [frames, height, width], dilated. With grey, the hole is exactly 0, which no uint8 value maps to. The hole is filled
    before encoding because the VAE spreads the hole's content into latents around it.
    """
    scaled = vae_latents.to_tensor(clip, device)
    return scaled * torch.from_numpy(~hole).to(device)[:, None] if source == "grey" else scaled


def encode_condition(vae: AutoencoderKLCogVideoX, clips: Tensor) -> Tensor:
    """Condition latents (the posterior's mode) of filled clips, float [batch, frames, 3, height, width] in -1..1.

    Returns scaled latents, float32 [batch, latent frames, channels, rows, columns].
    """
    return vae_latents.encode(vae, clips)[0]


def encode_hole(hole: Hole, mask: MaskInput, geometry: Geometry) -> Tensor:
    """The mask of a window on the latent grid: float32 [latent frames, mask channels, rows, columns] in 0..1.

    hole: bool [frames, height, width], dilated; height and width are multiples of the geometry's grid.
    """
    return torch.from_numpy(mask.from_hole(hole, geometry))
