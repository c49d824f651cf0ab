"""The VAE decoder's spatial norms at a fraction of the work, with the same numbers.

diffusers enlarges the latents to the size of the feature map and then projects each of their cells with a 1x1x1
convolution; nearest-neighbour enlargement only repeats cells, so projecting the few first and repeating the results
gives the same, without a copy of all latent channels at every resolution.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKLCogVideoX
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import CogVideoXSpatialNorm3D
from torch import Tensor
from torch.nn import functional


class ProjectFirst(CogVideoXSpatialNorm3D):
    """A spatial norm that projects the latents before it enlarges them."""

    def forward(
        self, f: Tensor, zq: Tensor, conv_cache: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The normalised feature map f [batch, channels, frames, height, width], scaled and shifted by the latents zq.

        As diffusers' own; a 1x1x1 convolution looks at no earlier frame, so nothing is cached.
        """
        size = f.shape[-3:]
        scale, shift = (enlarged(conv.conv(zq), size) for conv in (self.conv_y, self.conv_b))
        return self.norm_layer(f) * scale + shift, {}


def enlarged(latents: Tensor, size: torch.Size) -> Tensor:
    """Latents repeated to `size` (frames, height, width); of an odd number of frames the first stands alone."""
    frames, height, width = size
    if frames == 1 or frames % 2 == 0:
        return functional.interpolate(latents, size=tuple(size))
    first = functional.interpolate(latents[:, :, :1], size=(1, height, width))
    return torch.cat([first, functional.interpolate(latents[:, :, 1:], size=(frames - 1, height, width))], dim=2)


def project_first(vae: AutoencoderKLCogVideoX) -> AutoencoderKLCogVideoX:
    """Make all spatial norms of a VAE project first; in place. Weights and configuration stay as they are."""
    for module in vae.modules():
        if type(module) is CogVideoXSpatialNorm3D:
            module.__class__ = ProjectFirst
    return vae
