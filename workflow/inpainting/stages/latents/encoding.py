"""From pixel windows to latents: batches of windows through the VAE, and the tensors that a shard holds of them."""

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from numpy.typing import NDArray
from torch import Tensor

from inpainting.baselines.settings import ConditionSource
from inpainting.conditioning import inputs
from inpainting.conditioning.padding import Padding
from inpainting.models import bases, loading
from inpainting.models import vae as vae_latents
from inpainting.models.family import Geometry
from inpainting.stages.latents.reading import EncoderInput
from inpainting.stages.latents.settings import EncodeCommand
from inpainting.video import masks
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

log = logging.getLogger(__name__)

BATCH_SIZE = 2
"""Windows of one size per batch."""


class PixelWindow(NamedTuple):
    """A window before encoding, padded to the latent grid: its sequence, first frame and part of an `EncoderInput`."""

    sequence: str
    start: int
    clip: Frames
    hole: Hole
    difference: NDArray[np.uint8] | None


def cut(name: str, sequence: EncoderInput, starts: list[int], length: int, geometry: Geometry) -> Iterator[PixelWindow]:
    """The windows of a sequence, of `length` frames from each of `starts`.

    As in inference, they are padded before the hole is dilated.
    """
    _, height, width = sequence.hole.shape
    padding = Padding(height, width, geometry)
    for start in starts:
        part = slice(start - sequence.first, start - sequence.first + length)
        difference = None if sequence.difference is None else padding.pad(sequence.difference[part])
        yield PixelWindow(name, start, padding.pad(sequence.clip[part]), padding.pad(sequence.hole[part]), difference)


def batches(windows: Iterable[PixelWindow]) -> Iterator[list[PixelWindow]]:
    """Batches of at most BATCH_SIZE consecutive windows of one size."""
    batch: list[PixelWindow] = []
    for window in windows:
        if batch and window.clip.shape != batch[0].clip.shape:
            yield batch
            batch = []
        batch.append(window)
        if len(batch) == BATCH_SIZE:
            yield batch
            batch = []
    if batch:
        yield batch


class WindowEncoder:
    """The VAE, which encodes a window in float32 if its latents are not finite in the VAE's own precision."""

    def __init__(self, settings: EncodeCommand) -> None:
        """Load the VAE; raises InputError or UsageError for a base that can't be used."""
        self.settings, self.device = settings, loading.resolve_device(settings.device)
        self.dtype = loading.vae_dtype(settings, self.device)
        self.vae = loading.load_vae(settings.base, self.dtype, self.device)

    @cached_property
    def _float32_vae(self) -> AutoencoderKLCogVideoX:
        return loading.load_vae(self.settings.base, torch.float32, self.device)

    def encode(self, batch: list[PixelWindow]) -> list[dict[str, Tensor] | None]:
        """The tensors of each window, as `encode_batch`: for instance a truth [latent frames, channels, rows, columns].

        None for a window whose latents are not finite in float32.
        """
        return [
            tensors if is_finite(tensors) else self._encode_in_float32(window)
            for window, tensors in zip(batch, encode_batch(self.vae, batch, self.settings), strict=True)
        ]

    def _encode_in_float32(self, window: PixelWindow) -> dict[str, Tensor] | None:
        if self.dtype == torch.float32:
            return None
        log.warning("%s, window at frame %d: its latents are not finite; encoding it in float32", *window[:2])
        [tensors] = encode_batch(self._float32_vae, [window], self.settings)
        return tensors if is_finite(tensors) else None


def is_finite(tensors: dict[str, Tensor]) -> bool:
    """Whether no tensor has a NaN or an infinity."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def encode_batch(
    vae: AutoencoderKLCogVideoX, batch: list[PixelWindow], settings: EncodeCommand
) -> list[dict[str, Tensor]]:
    """Encode windows of one size; returns the tensors of each for its shard, on the CPU.

    For instance a truth or condition [latent frames, channels, rows, columns]; see `artifacts.latents`.
    """
    dtype, geometry = loading.DTYPES[settings.latents_dtype], bases.family(settings.base).geometry
    if settings.content != "truth":
        clips = [_condition_tensor(window, settings.content, settings.mask_dilation) for window in batch]
        conditions = vae_latents.encode(vae, torch.stack(clips))[0].to(dtype).cpu()
        return [{"condition": condition} for condition in conditions]
    clips = [vae_latents.to_tensor(window.clip) for window in batch]
    means, logvars = (latents.to(dtype).cpu() for latents in vae_latents.encode(vae, torch.stack(clips)))
    encoded = []
    for window, mean, logvar in zip(batch, means, logvars, strict=True):
        spread = {"logvar": logvar} if settings.truth_posterior == "mean_and_logvar" else {}
        assert window.difference is not None
        space, time = geometry.spatial_factor, geometry.temporal_factor
        difference = torch.from_numpy(masks.latent_max(window.difference, space, time))
        hole = torch.from_numpy(masks.pack(window.hole))
        encoded.append({"truth": mean, "hole": hole, "difference": difference, **spread})
    return encoded


def _condition_tensor(window: PixelWindow, source: ConditionSource, dilation: int) -> Tensor:
    return inputs.condition_tensor(window.clip, masks.dilate(window.hole, dilation), source)
