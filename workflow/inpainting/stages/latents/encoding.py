"""From the pixels of windows to their latents: what `inpaint encode` puts through the VAE, and what it keeps of it."""

from collections.abc import Iterable, Iterator
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
from inpainting.stages.latents.reading import Sequence
from inpainting.stages.latents.settings import EncodeCommand
from inpainting.video import masks
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

AT_ONCE = 2
"""Windows in a batch, of one size."""


class PixelWindow(NamedTuple):
    """A window before it is encoded, padded to the grid: sequence, first frame, and the parts of a `Sequence`."""

    sequence: str
    start: int
    clip: Frames
    hole: Hole
    difference: NDArray[np.uint8] | None


def cut(name: str, read: Sequence, starts: list[int], length: int, geometry: Geometry) -> Iterator[PixelWindow]:
    """The windows of a whole sequence.

    They are padded before the hole is dilated, as inference does.
    """
    _, height, width = read.hole.shape
    padding = Padding(height, width, geometry)
    for start in starts:
        part = slice(start, start + length)
        difference = None if read.difference is None else padding.pad(read.difference[part])
        yield PixelWindow(name, start, padding.pad(read.clip[part]), padding.pad(read.hole[part]), difference)


def batches(windows: Iterable[PixelWindow]) -> Iterator[list[PixelWindow]]:
    """Neighbouring windows of one size, AT_ONCE in a batch."""
    batch: list[PixelWindow] = []
    for window in windows:
        if batch and (len(batch) == AT_ONCE or window.clip.shape != batch[0].clip.shape):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def encode_batch(
    vae: AutoencoderKLCogVideoX, batch: list[PixelWindow], settings: EncodeCommand
) -> list[dict[str, Tensor]]:
    """For each window the tensors that its shard holds, on the CPU, by what they are: see `shards`."""
    dtype, geometry = loading.DTYPES[settings.latents_dtype], bases.family(settings.base).geometry
    if settings.content != "truth":
        tensors = [_condition_tensor(window, settings.content, settings.mask_dilation) for window in batch]
        conditions = vae_latents.encode(vae, torch.stack(tensors))[0].to(dtype).cpu()
        return [{"condition": condition} for condition in conditions]
    tensors = [vae_latents.to_tensor(window.clip) for window in batch]
    means, logvars = (found.to(dtype).cpu() for found in vae_latents.encode(vae, torch.stack(tensors)))
    found = []
    for window, mean, logvar in zip(batch, means, logvars, strict=True):
        spread = {"logvar": logvar} if settings.truth_posterior == "mean_and_logvar" else {}
        assert window.difference is not None
        difference = torch.from_numpy(masks.latent_max(window.difference, geometry.cell, geometry.stride))
        hole = torch.from_numpy(masks.pack(window.hole))
        found.append({"truth": mean, "hole": hole, "difference": difference, **spread})
    return found


def _condition_tensor(window: PixelWindow, source: ConditionSource, dilation: int) -> Tensor:
    return inputs.condition_tensor(window.clip, masks.dilate(window.hole, dilation), source)
