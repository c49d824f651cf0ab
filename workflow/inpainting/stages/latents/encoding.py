"""From pixel windows to latents: windows through the VAE, and the tensors that a shard holds of them."""

import logging
from functools import cached_property

import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from inpainting.conditioning import inputs
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.stages.latents.reading import PixelWindow
from inpainting.stages.latents.settings import Content, EncodeCommand

log = logging.getLogger(__name__)


class WindowEncoder:
    """The VAE, which encodes a window in float32 if its latents are not finite in the VAE's own precision."""

    def __init__(self, settings: EncodeCommand) -> None:
        """Load the VAE; raises InputError or UsageError for a base that can't be used.

        On CUDA, cuDNN times its algorithms once per shape of a convolution; all windows of a size have the same shapes.
        """
        self.settings, self.device = settings, loading.resolve_device(settings.device)
        self.dtype = loading.vae_dtype(settings, self.device)
        self.vae = loading.load_vae(settings.base, self.dtype, self.device)
        torch.backends.cudnn.benchmark = self.device.type == "cuda"

    @cached_property
    def _float32_vae(self) -> AutoencoderKLCogVideoX:
        return loading.load_vae(self.settings.base, torch.float32, self.device)

    def encode(self, window: PixelWindow, content: Content) -> dict[str, Tensor] | None:
        """A content's tensors of a window by name, on the CPU; see `artifacts.latents`.

        For instance a truth or condition [latent frames, channels, rows, columns]. Each window goes through the VAE by
        itself, since in a batch the last bits of its latents depend on the others. None if its latents are not finite
        in float32.
        """
        tensors = self._encode(self.vae, window, content)
        if not is_finite(tensors) and self.dtype != torch.float32:
            log.warning("%s, window at frame %d: its latents are not finite; encoding it in float32", *window[:2])
            tensors = self._encode(self._float32_vae, window, content)
        return tensors if is_finite(tensors) else None

    def _encode(self, vae: AutoencoderKLCogVideoX, window: PixelWindow, content: Content) -> dict[str, Tensor]:
        clip, dtype = window.clips[content], loading.DTYPES[self.settings.latents_dtype]
        if content != "truth":
            filled = inputs.condition_tensor(clip, window.dilated, content, self.device)
            return {"condition": inputs.encode_condition(vae, filled[None])[0].to(dtype).cpu()}
        mean, logvar = vae_latents.encode(vae, vae_latents.to_tensor(clip, self.device)[None])
        tensors = {"truth": mean[0].to(dtype).cpu()}
        if self.settings.truth_posterior == "mean_and_logvar":
            tensors["logvar"] = logvar[0].to(dtype).cpu()
        return tensors | {what: torch.from_numpy(array) for what, array in window.stored.items()}


def is_finite(tensors: dict[str, Tensor]) -> bool:
    """Whether no tensor has a NaN or an infinity."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
