"""Encode pixels to latents and decode them; axes are swapped and the scaling factor is applied only here."""

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from numpy.typing import NDArray
from torch import Tensor, nn

from inpainting.core.errors import InputError
from inpainting.models.spatial_norm import project_first

CPU = torch.device("cpu")


class NotFiniteError(InputError):
    """Decoded frames hold NaN or infinity."""


def to_tensor(frames: NDArray[np.uint8], device: torch.device = CPU) -> Tensor:
    """uint8 [frames, height, width, 3] as float32 [frames, 3, height, width] in -1..1, on a device.

    The bytes are copied to the device and scaled there. The divisor is a tensor since on CUDA, division by a number is
    multiplication by its reciprocal, which may differ in the last bit.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(device)
    return pixels.permute(0, 3, 1, 2).float().div(torch.tensor(127.5, device=device)).sub(1)


def to_pixels(clip: Tensor) -> NDArray[np.uint8]:
    """float [frames, 3, height, width] in -1..1 as uint8 [frames, height, width, 3].

    Raises NotFiniteError for NaN and infinity, which would become black.
    """
    if not torch.isfinite(clip).all():
        raise NotFiniteError(
            "the model's frames hold NaN or infinity, which float16 may overflow to; give bfloat16 or float32 for the "
            "base (model.dtype, --dtype) or for its VAE alone (model.vae_dtype, --vae-dtype)"
        )
    pixels = clip.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())


@torch.no_grad()
def encode(vae: AutoencoderKLCogVideoX, clips: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of the posterior of a batch of clips, multiplied by the scaling factor.

    clips: float [batch, frames, 3, height, width] in -1..1, height and width multiples of the spatial factor.
    Returns two float32 [batch, latent frames, channels, rows, columns]; a sample is mean + exp(logvar / 2) * noise.
    Raises ValueError for clips whose length the VAE does not keep.
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
    """Clips, float32 [batch, frames, 3, height, width] in about -1..1, from scaled latents of `encode`'s shape."""
    video = (latents.to(_device(vae)).float() / vae.config.scaling_factor).to(vae.dtype).transpose(1, 2)
    return vae.decode(video).sample.float().transpose(1, 2)


def prepare_vae(vae: AutoencoderKLCogVideoX) -> AutoencoderKLCogVideoX:
    """Make a VAE faster, in place; the values of its weights and its configuration stay the same.

    Replaces its spatial norms, see `spatial_norm`; stores its convolutions' weights channels-last.
    """
    project_first(vae)
    for module in vae.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return vae


def _device(vae: AutoencoderKLCogVideoX) -> torch.device:
    """The device that the VAE computes on; with CPU offload its weights may be elsewhere."""
    hooks = (getattr(module, "_hf_hook", None) for module in vae.modules())
    devices = (getattr(hook, "execution_device", None) for hook in hooks)
    return torch.device(next((device for device in devices if device is not None), vae.device))


def _check_frames(frames: int, batch_size: int) -> None:
    """batch_size: frames that the VAE encodes together; the first batch has one more."""
    if frames % batch_size != 1:
        raise ValueError(f"{frames} frames do not keep their length in the VAE; pad or cut the clip to {batch_size}k+1")
