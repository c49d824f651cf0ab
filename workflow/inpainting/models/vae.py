"""Pixels to latents and back: the one place where axes are swapped and the scaling factor is applied."""

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from numpy.typing import NDArray
from torch import Tensor, nn

from inpainting.models.spatial_norm import project_first


def to_tensor(frames: NDArray[np.uint8]) -> Tensor:
    """uint8 [frames, height, width, 3] as float32 [frames, 3, height, width] in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def to_pixels(clip: Tensor) -> NDArray[np.uint8]:
    """float [frames, 3, height, width] in -1..1 as uint8 [frames, height, width, 3]."""
    pixels = clip.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())


@torch.no_grad()
def encode(vae: AutoencoderKLCogVideoX, clips: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled mean and log-variance of the posterior of a batch of clips.

    clips: float [batch, frames, 3, height, width] in -1..1, sizes multiples of a latent cell's.
    Returns two float32 [batch, latent frames, channels, rows, columns], as the transformer takes them. Both are in
    scaled units: a sample is mean + exp(logvar / 2) * noise, with no further factor.
    Raises ValueError for clips of another length than one that the VAE decodes again.
    """
    _check_frames(clips.shape[1], vae.num_sample_frames_batch_size)
    video = clips.to(_device(vae), vae.dtype).transpose(1, 2)
    posterior = vae.encode(video).latent_dist
    factor = vae.config.scaling_factor
    mean = posterior.mean.float() * factor
    logvar = posterior.logvar.float() + 2 * float(np.log(factor))
    return mean.transpose(1, 2).contiguous(), logvar.transpose(1, 2).contiguous()


@torch.no_grad()
def decode(vae: AutoencoderKLCogVideoX, latents: Tensor) -> Tensor:
    """Clips, float32 [batch, frames, 3, height, width], of scaled latents [batch, latent frames, channels, h, w]."""
    video = (latents.to(_device(vae)).float() / vae.config.scaling_factor).to(vae.dtype).transpose(1, 2)
    return vae.decode(video).sample.float().transpose(1, 2)


def arranged(vae: AutoencoderKLCogVideoX, device: torch.device) -> AutoencoderKLCogVideoX:
    """Make a VAE ready to compute sooner on a device, in place: its weights and configuration stay as they are.

    Its spatial norms project first; on a CPU, weights are laid out as its convolutions like them.
    """
    project_first(vae)
    if device.type != "cpu":
        return vae
    for module in vae.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return vae


def _device(vae: AutoencoderKLCogVideoX) -> torch.device:
    """Where the VAE computes, which is not where it waits when it is offloaded."""
    hooks = (getattr(module, "_hf_hook", None) for module in vae.modules())
    devices = (getattr(hook, "execution_device", None) for hook in hooks)
    return torch.device(next((device for device in devices if device is not None), vae.device))


def _check_frames(frames: int, at_once: int) -> None:
    """at_once: frames that the VAE encodes together, but for a clip's first, which comes in addition."""
    if frames % at_once != 1:
        raise ValueError(f"{frames} frames do not survive the VAE's round trip; pad or cut the clip to {at_once}k+1")
