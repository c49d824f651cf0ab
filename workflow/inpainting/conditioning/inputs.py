"""What a model is shown of a clip, as tensors: its pixels with the hole filled, and where the hole is.

Latents are cached and clips are inpainted through these same functions, so that training and inference see alike.
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


def condition_tensor(clip: NDArray[np.uint8], hole: Hole, source: ConditionSource) -> Tensor:
    """What the VAE encodes of a window: float32 [frames, 3, height, width] in -1..1.

    clip: uint8 [frames, height, width, 3], cut from what `baselines.fills.fill` made of the whole clip; hole: bool
    [frames, height, width], dilated. Mid-grey is 0 exactly, which lies between two values of uint8. The hole is filled
    before encoding, never in the latents: the VAE would spread what is under it.
    """
    scaled = vae_latents.to_tensor(clip)
    return scaled * torch.from_numpy(~hole)[:, None] if source == "grey" else scaled


def encode_condition(vae: AutoencoderKLCogVideoX, clips: Tensor) -> Tensor:
    """Condition latents (the posterior's mode) of masked clips [batch, frames, 3, height, width].

    Returns float32 [batch, latent frames, channels, rows, columns].
    """
    return vae_latents.encode(vae, clips)[0]


def encode_hole(hole: Hole, mask: MaskInput, geometry: Geometry) -> Tensor:
    """The mask of a window as the model is shown it: float32 [latent frames, channels, rows, columns].

    hole: bool [frames, height, width], dilated, of sizes on the grid.
    """
    return torch.from_numpy(mask.of_hole(hole, geometry))
