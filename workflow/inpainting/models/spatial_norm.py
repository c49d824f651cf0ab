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
        frames, (height, width) = f.shape[2], zq.shape[-2:]
        scale, shift = (
            lengthened(conv.conv(zq), frames)[:, :, :, :, None, :, None] for conv in (self.conv_y, self.conv_b)
        )
        cells = self.norm_layer(f).unflatten(4, (width, -1)).unflatten(3, (height, -1))
        return (cells * scale + shift).flatten(5, 6).flatten(3, 4), {}


def lengthened(latents: Tensor, frames: int) -> Tensor:
    """Latents repeated to so many frames, of which the first stands alone where their number is odd."""
    height, width = latents.shape[-2:]
    if frames == 1 or frames % 2 == 0:
        return functional.interpolate(latents, size=(frames, height, width))
    rest = functional.interpolate(latents[:, :, 1:], size=(frames - 1, height, width))
    return torch.cat([latents[:, :, :1], rest], dim=2)


def project_first(vae: AutoencoderKLCogVideoX) -> AutoencoderKLCogVideoX:
    """Make all spatial norms of a VAE project first; in place. Weights and configuration stay as they are."""
    for module in vae.modules():
        if type(module) is CogVideoXSpatialNorm3D:
            module.__class__ = ProjectFirst
    return vae
