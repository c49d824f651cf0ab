"""A faster form of the VAE decoder's spatial norms, with the same results.

diffusers upsamples the latents to the size of the feature map and then applies a 1x1x1 convolution. Nearest-neighbour
upsampling only repeats latents, so the convolution may come first, on far fewer positions and without an upsampled copy
of all latent channels.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKLCogVideoX
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import CogVideoXSpatialNorm3D
from torch import Tensor
from torch.nn import functional


class ProjectFirst(CogVideoXSpatialNorm3D):
    """A spatial norm that convolves the latents before it upsamples them."""

    def forward(
        self, f: Tensor, zq: Tensor, conv_cache: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The feature map f, [batch, channels, frames, height, width], normalised, then scaled and shifted by latents.

        zq: latents [batch, latent channels, latent frames, rows, columns]. The returned cache is empty, since a 1x1x1
        convolution needs no earlier frames.
        """
        frames, (height, width) = f.shape[2], zq.shape[-2:]
        scale, shift = (
            repeat_frames(conv.conv(zq), frames)[:, :, :, :, None, :, None] for conv in (self.conv_y, self.conv_b)
        )
        cells = self.norm_layer(f).unflatten(4, (width, -1)).unflatten(3, (height, -1))
        return (cells * scale + shift).flatten(5, 6).flatten(3, 4), {}


def repeat_frames(latents: Tensor, frames: int) -> Tensor:
    """Latents [..., rows, columns] repeated along time to `frames` frames; the first one only once if that is odd."""
    height, width = latents.shape[-2:]
    if frames == 1 or frames % 2 == 0:
        return functional.interpolate(latents, size=(frames, height, width))
    rest = functional.interpolate(latents[:, :, 1:], size=(frames - 1, height, width))
    return torch.cat([latents[:, :, :1], rest], dim=2)


def project_first(vae: AutoencoderKLCogVideoX) -> AutoencoderKLCogVideoX:
    """Replace all spatial norms of a VAE by `ProjectFirst`; in place. Weights and configuration stay the same."""
    for module in vae.modules():
        if type(module) is CogVideoXSpatialNorm3D:
            module.__class__ = ProjectFirst
    return vae
