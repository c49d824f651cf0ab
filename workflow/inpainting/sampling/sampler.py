"""From a filled clip to what the model makes of its windows: encode, denoise together, decode.

Windows come and go one by one; between the phases their latents lie on disk, so that memory does not grow with length.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.baselines.fills import Filled, fill, fill_with_doubt
from inpainting.baselines.settings import Signal
from inpainting.baselines.trust import FillTrust
from inpainting.conditioning import inputs
from inpainting.conditioning.inputs import Frame
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.models.family import Family
from inpainting.models.widening import is_widened
from inpainting.sampling import denoising, on_disk
from inpainting.sampling.conditioned_clip import MIRRORED, Clip, View, mirror, place
from inpainting.sampling.denoising import Known, Predict, Scheduler
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks
from inpainting.video.masks import Hole

Item = TypeVar("Item")
Told = Callable[[int], None]
"""Told after each batch how many windows, or frames, were done."""


@dataclass(frozen=True)
class Models:
    """What inpaints. `device` is where it computes, which is not where its parts wait when they are offloaded."""

    family: Family
    vae: AutoencoderKLCogVideoX
    transformer: CogVideoXTransformer3DModel
    scheduler: Scheduler
    device: torch.device

    @property
    def concatenates(self) -> bool:
        """Whether the condition comes in beside the noisy latents; else known latents are replaced at each step."""
        return is_widened(self.transformer)

    @property
    def mask_channels(self) -> int:
        """Channels in which the mask comes in, where it does."""
        return (
            int(self.transformer.config.in_channels - 2 * self.vae.config.latent_channels) if self.concatenates else 1
        )

    @property
    def told_of_doubt(self) -> bool:
        """Whether the mask comes in with the fill's doubt."""
        return self.mask_channels == inputs.MASK_CHANNELS["area_and_doubt"]

    def fill(self, rgb: Clip, hole: Hole, signal: Signal) -> Filled:
        """A whole clip with its hole, dilated, filled; its doubt is all 0 unless the transformer is told of it."""
        if self.told_of_doubt:
            return fill_with_doubt(rgb, hole, signal)
        return Filled(fill(rgb, hole, signal), np.zeros(hole.shape, np.uint8))


@dataclass(frozen=True)
class Denoising:
    """How windows are denoised.

    prompt, negative: float [1, tokens, width]; guidance: 1 for none, which spares half of the work; trust: how much of
    fills is kept at the end; at_once: windows in a batch; step_end: called with a step's number, its timestep and
    the latents [rows, channels, height, width], which it may change; true ends the denoising.
    """

    steps: int
    prompt: Tensor
    generator: torch.Generator
    guidance: float = 1.0
    negative: Tensor | None = None
    trust: FillTrust | None = None
    at_once: int = 1
    encoded: Told = lambda windows: None
    stepped: Told = lambda windows: None
    step_end: Callable[[int, Tensor, Tensor], bool] = lambda number, timestep, latents: False


@dataclass(frozen=True)
class Conditions:
    """On disk: condition latents [windows, latent frames, channels, height, width], and the mask's shares."""

    latents: Tensor
    mask: Tensor


def inpaint_views(
    models: Models, views: Sequence[View], timeline: Timeline, dilation: int, signal: Signal, how: Denoising
) -> Iterator[Clip]:
    """The mean of what the model makes of each view, window by window, in order: uint8 [window, height, width, 3].

    All windows are read before the first is given. `dilation`: pixels that the holes are grown by, after the windows
    were padded to the model's grid, as for training; `signal`: see `inputs.condition_signal`.
    """
    conditions = [_encode(models, view, timeline, dilation, signal, how) for view in views]
    latents = [_denoise(models, condition, timeline, how) for condition in conditions]
    made = []
    for view, rows in zip(views, latents, strict=True):
        clips = _decode(models, rows, timeline, view.frame(models.family.geometry), how.at_once)
        if how.trust is not None:
            clips = _keep(how.trust, clips, view.windows(timeline), dilation)
        made.append(_upright(clips, view.mirrored))
    return map(_mean, zip(*made, strict=True))


def _keep(trust: FillTrust, made: Iterable[Clip], seen: Iterable[View], dilation: int) -> Iterator[Clip]:
    for clip, window in zip(made, seen, strict=True):
        yield trust.keep(clip, window.fills, masks.dilate(window.hole, dilation))


def _upright(clips: Iterable[Clip], mirrored: bool) -> Iterator[Clip]:
    return map(mirror, clips) if mirrored else iter(clips)


def _mean(clips: Sequence[Clip]) -> Clip:
    """Of clips, uint8, rounded; halves up."""
    total = reduce(np.add, (clip.astype(np.uint16) for clip in clips))
    return ((total + len(clips) // 2) // len(clips)).astype(np.uint8)


def _denoise(models: Models, conditions: Conditions, timeline: Timeline, how: Denoising) -> Tensor:
    """Latents of a timeline's rows, on disk: [rows, channels, height, width]."""
    shape = conditions.latents.shape[2:]
    _, rows, columns = shape
    models.family.lay_out_positions(models.transformer, (rows, columns), timeline.length)
    latents = on_disk.tensor(timeline.row_count, *shape)
    for row in range(timeline.row_count):
        latents[row] = torch.randn(shape, generator=how.generator)
    known = None
    if not models.concatenates:
        keep = 1 - denoising.gather_rows(timeline, conditions.mask).ceil()
        known = Known(denoising.gather_rows(timeline, conditions.latents), keep)
    predict = _predictor(models, conditions, how)
    steps = denoising.denoise(
        predict, models.scheduler, timeline, latents, how.steps, how.generator, how.at_once, known, how.stepped
    )
    for number, timestep in steps:
        if how.step_end(number, timestep, latents):
            break
    return latents


def _decode(models: Models, latents: Tensor, timeline: Timeline, frame: Frame, at_once: int) -> Iterator[Clip]:
    for rows in batched(timeline.rows, at_once):
        signals = vae_latents.decode(models.vae, latents[torch.from_numpy(np.stack(rows))])
        yield from (frame.crop(vae_latents.to_pixels(signal)) for signal in signals)


def reconstruct_windows(models: Models, clips: Iterable[Clip], at_once: int, mirrored: bool) -> Iterator[Clip]:
    """Windows through the VAE and back; `mirrored`: the mean of what becomes of them and of the mirrored ones."""
    for batch in batched(clips, at_once):
        made = []
        for flipped in MIRRORED[mirrored]:
            frame = place(batch[0].shape[1], batch[0].shape[2], models.family.geometry, flipped)
            seen = [mirror(clip) for clip in batch] if flipped else batch
            made.append(_upright(_reconstruct(models, seen, frame), flipped))
        yield from map(_mean, zip(*made, strict=True))


def _reconstruct(models: Models, clips: list[Clip], frame: Frame) -> Iterator[Clip]:
    signals = torch.stack([vae_latents.to_signal(frame.pad(clip)) for clip in clips])
    decoded = vae_latents.decode(models.vae, vae_latents.encode(models.vae, signals)[0])
    return (frame.crop(vae_latents.to_pixels(signal)) for signal in decoded)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one perhaps shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _encode(
    models: Models, view: View, timeline: Timeline, dilation: int, signal: Signal, how: Denoising
) -> Conditions:
    frame = view.frame(models.family.geometry)
    shape = len(timeline.starts), timeline.latent_frames
    channels = models.vae.config.latent_channels, models.mask_channels
    conditions = Conditions(*(on_disk.tensor(*shape, count, *frame.latent_size) for count in channels))
    done = 0
    for batch in batched(view.windows(timeline), how.at_once):
        rows = slice(done, done + len(batch))
        conditions.latents[rows], conditions.mask[rows] = _encode_batch(models, batch, frame, dilation, signal)
        done += len(batch)
        how.encoded(len(batch))
    return conditions


def _encode_batch(
    models: Models, batch: list[View], frame: Frame, dilation: int, signal: Signal
) -> tuple[Tensor, Tensor]:
    holes = [masks.dilate(frame.pad(window.hole), dilation) for window in batch]
    pairs = zip((frame.pad(window.shown.clip) for window in batch), holes, strict=True)
    signals = [inputs.condition_signal(filled, hole, signal) for filled, hole in pairs]
    latents = inputs.encode_condition(models.vae, torch.stack(signals)).cpu()
    doubts = (inputs.doubt_of_cells(frame.pad(window.shown.doubt), frame.geometry) for window in batch)
    told = [
        inputs.mask_channels(*pair, models.mask_channels, frame.geometry) for pair in zip(holes, doubts, strict=True)
    ]
    return latents, torch.stack(told)


def _predictor(models: Models, conditions: Conditions, how: Denoising) -> Predict:
    """Velocities of windows, with their conditions beside the noisy latents where the model takes them."""

    def predict(batch: list[int], latents: Tensor, timestep: Tensor) -> Tensor:
        condition = conditions.latents[batch] if models.concatenates else None
        mask = conditions.mask[batch] if models.concatenates else None
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
