"""From a filled clip to what the model makes of its windows: encode, denoise together, decode.

Windows come and go one by one; between the phases their latents lie on disk, so that memory does not grow with length.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.conditioning import inputs
from inpainting.conditioning.conditioning import Conditioning
from inpainting.conditioning.padding import Padding
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.models.family import Family
from inpainting.sampling import denoising, on_disk
from inpainting.sampling.conditioned_clip import Clip, ConditionedClip
from inpainting.sampling.denoising import Known, Predict, Scheduler
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks

Item = TypeVar("Item")
Told = Callable[[int], None]
"""Told after each batch how many windows, or frames, were done."""


@dataclass(frozen=True)
class Models:
    """What inpaints. `device` is where it computes, which is not where its parts wait when they are offloaded."""

    family: Family
    condition: ConditionSettings
    vae: AutoencoderKLCogVideoX
    transformer: CogVideoXTransformer3DModel
    scheduler: Scheduler
    device: torch.device

    @property
    def conditioning(self) -> Conditioning:
        """How the transformer is shown a clip."""
        return self.condition.conditioning_entry


@dataclass(frozen=True)
class Denoising:
    """How windows are denoised.

    prompt, negative: float [1, tokens, width]; guidance: 1 for none, which spares half of the work; at_once: windows in
    a batch; step_end: called with a step's number, its timestep and the latents [rows, channels, height, width], which
    it may change; true ends the denoising.
    """

    steps: int
    prompt: Tensor
    generator: torch.Generator
    guidance: float = 1.0
    negative: Tensor | None = None
    at_once: int = 1
    encoded: Told = lambda windows: None
    stepped: Told = lambda windows: None
    step_end: Callable[[int, Tensor, Tensor], bool] = lambda number, timestep, latents: False


@dataclass(frozen=True)
class Conditions:
    """On disk: condition latents [windows, latent frames, channels, height, width], and the masks beside them."""

    latents: Tensor
    mask: Tensor


def inpaint_windows(
    models: Models, clip: ConditionedClip, timeline: Timeline, dilation: int, how: Denoising
) -> Iterator[Clip]:
    """What the model makes of a clip, window by window, in order: uint8 [window, height, width, 3].

    All windows are read before the first is given. `dilation`: pixels that the holes are grown by, after the windows
    were padded to the model's grid, as for training.
    """
    _, height, width = clip.hole.shape
    padding = Padding(height, width, models.family.geometry)
    conditions = _encode(models, clip.windows(timeline), timeline, padding, dilation, how)
    latents = _denoise(models, conditions, timeline, how)
    return _decode(models, latents, timeline, padding, how.at_once)


def _denoise(models: Models, conditions: Conditions, timeline: Timeline, how: Denoising) -> Tensor:
    """Latents of a timeline's rows, on disk: [rows, channels, height, width]."""
    shape = conditions.latents.shape[2:]
    _, rows, columns = shape
    models.family.lay_out_positions(models.transformer, (rows, columns), timeline.length)
    latents = on_disk.tensor(timeline.row_count, *shape)
    for row in range(timeline.row_count):
        latents[row] = torch.randn(shape, generator=how.generator)
    known = None
    if models.conditioning.replaces:
        gathered = (denoising.gather_rows(timeline, part) for part in (conditions.latents, conditions.mask))
        known = Known(models.conditioning, *gathered)
    predict = _predictor(models, conditions, how)
    steps = denoising.denoise(
        predict, models.scheduler, timeline, latents, how.steps, how.generator, how.at_once, known, how.stepped
    )
    for number, timestep in steps:
        if how.step_end(number, timestep, latents):
            break
    return latents


def _decode(models: Models, latents: Tensor, timeline: Timeline, padding: Padding, at_once: int) -> Iterator[Clip]:
    for rows in batched(timeline.rows, at_once):
        clips = vae_latents.decode(models.vae, latents[torch.from_numpy(np.stack(rows))])
        yield from (padding.crop(vae_latents.to_pixels(decoded)) for decoded in clips)


def reconstruct_windows(models: Models, clips: Iterable[Clip], at_once: int) -> Iterator[Clip]:
    """Windows, uint8 [window, height, width, 3], through the VAE and back."""
    for batch in batched(clips, at_once):
        padding = Padding(batch[0].shape[1], batch[0].shape[2], models.family.geometry)
        tensors = torch.stack([vae_latents.to_tensor(padding.pad(clip)) for clip in batch])
        decoded = vae_latents.decode(models.vae, vae_latents.encode(models.vae, tensors)[0])
        yield from (padding.crop(vae_latents.to_pixels(made)) for made in decoded)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one perhaps shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _encode(
    models: Models,
    clips: Iterable[ConditionedClip],
    timeline: Timeline,
    padding: Padding,
    dilation: int,
    how: Denoising,
) -> Conditions:
    shape = len(timeline.starts), timeline.latent_frames
    mask_channels = models.condition.mask_entry.channels(padding.geometry)
    channels = models.vae.config.latent_channels, mask_channels
    conditions = Conditions(*(on_disk.tensor(*shape, count, *padding.latent_size) for count in channels))
    done = 0
    for batch in batched(clips, how.at_once):
        rows = slice(done, done + len(batch))
        conditions.latents[rows], conditions.mask[rows] = _encode_batch(models, batch, padding, dilation)
        done += len(batch)
        how.encoded(len(batch))
    return conditions


def _encode_batch(
    models: Models, batch: list[ConditionedClip], padding: Padding, dilation: int
) -> tuple[Tensor, Tensor]:
    holes = [masks.dilate(padding.pad(window.hole), dilation) for window in batch]
    pairs = zip((padding.pad(window.filled) for window in batch), holes, strict=True)
    tensors = [inputs.condition_tensor(filled, hole, models.condition.condition_source) for filled, hole in pairs]
    latents = inputs.encode_condition(models.vae, torch.stack(tensors)).cpu()
    mask = models.condition.mask_entry
    return latents, torch.stack([inputs.encode_hole(hole, mask, padding.geometry) for hole in holes])


def _predictor(models: Models, conditions: Conditions, how: Denoising) -> Predict:
    """Velocities of windows, with their conditions beside the noisy latents where the model takes them."""

    def predict(batch: list[int], latents: Tensor, timestep: Tensor) -> Tensor:
        condition, mask = models.conditioning.beside(conditions.latents[batch], conditions.mask[batch])
        velocity = _velocity(models, latents, condition, mask, how.prompt, timestep)
        if how.negative is None or how.guidance == 1:
            return velocity
        away_from = _velocity(models, latents, condition, mask, how.negative, timestep)
        return away_from + how.guidance * (velocity - away_from)

    return predict


@torch.no_grad()
def _velocity(
    models: Models, latents: Tensor, condition: Tensor | None, mask: Tensor | None, prompt: Tensor, timestep: Tensor
) -> Tensor:
    batch, device = len(latents), models.device
    with autocast(device, loading.lowest_dtype(models.transformer)):
        velocity = models.family.predict(
            models.transformer,
            latents.to(device),
            None if condition is None else condition.to(device),
            None if mask is None else mask.to(device),
            prompt.to(device).expand(batch, -1, -1),
            timestep.expand(batch).to(device),
        )
    return velocity.float()


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[None]:
    """Autocast to the base weights' precision, so that they meet the float32 adapter; nothing for float32."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype)
