"""From windows of a clip to what the model makes of them: encode, denoise together, decode.

Windows come and go one by one; between the phases their latents lie on disk, so that memory does not grow with length.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from numpy.typing import NDArray
from torch import Tensor

from inpainting.filling.doubt import Doubt
from inpainting.filling.fills import Filled, fill, fill_with_doubt
from inpainting.filling.settings import Signal
from inpainting.inference import conditioning, denoising
from inpainting.inference.conditioning import Frame
from inpainting.inference.denoising import Known, Predict, Scheduler
from inpainting.inference.timeline import Timeline
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.models.widening import is_widened
from inpainting.video import masks, windows
from inpainting.video.masks import Hole

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""

Window = tuple[Clip, Hole, Doubt]
"""A window of a clip that `Models.fill` filled: its frames, uint8 [window, height, width, 3], its hole, bool [window,
height, width], not dilated, and the fill's doubt, of the hole's shape."""

Item = TypeVar("Item")
Told = Callable[[int], None]
"""Told after each batch how many windows were done."""


@dataclass(frozen=True)
class Models:
    """What inpaints. `device` is where it computes, which is not where its parts wait when they are offloaded."""

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

    def fill(self, rgb: Clip, hole: Hole, signal: Signal) -> Filled:
        """A whole clip with its hole, dilated, filled; its doubt is all 0 unless the transformer is told of it."""
        if self.mask_channels == conditioning.MASK_CHANNELS["area_and_doubt"]:
            return fill_with_doubt(rgb, hole, signal)
        return Filled(fill(rgb, hole, signal), np.zeros(hole.shape, np.uint8))


@dataclass(frozen=True)
class Denoising:
    """How windows are denoised.

    prompt, negative: float [1, tokens, width]; guidance: 1 for none, which spares half of the work; mirrored: whether
    the windows, filled as they are, are mirrored and inpainted as well, after the others, for the mean of both;
    at_once: windows in a batch; step_end: called with a step's number, its timestep and the latents [rows, channels,
    height, width], which it may change; true ends the denoising.
    """

    steps: int
    prompt: Tensor
    generator: torch.Generator
    guidance: float = 1.0
    negative: Tensor | None = None
    mirrored: bool = False
    at_once: int = 1
    encoded: Told = lambda windows: None
    stepped: Told = lambda windows: None
    step_end: Callable[[int, Tensor, Tensor], bool] = lambda number, timestep, latents: False


@dataclass(frozen=True)
class Conditions:
    """On disk: condition latents [windows, latent frames, channels, height, width], and the mask's shares."""

    latents: Tensor
    mask: Tensor


def cut(filled: Filled, hole: Hole, timeline: Timeline) -> Iterator[Window]:
    """The windows of a whole clip that was filled; its hole, bool [frames, height, width], is not dilated."""
    parts = (windows.cut(part, timeline.starts, timeline.length) for part in (filled.clip, hole, filled.doubt))
    return zip(*parts, strict=True)


def inpaint_windows(
    models: Models, clips: Iterable[Window], timeline: Timeline, dilation: int, signal: Signal, how: Denoising
) -> Iterator[Clip]:
    """The model's own frames for each of the timeline's windows, in order: uint8 [window, height, width, 3].

    All windows are read before the first is given. `dilation`: pixels that the holes are grown by, after the windows
    were padded to the model's grid, as for training; `signal`: see `conditioning.condition_signal`.
    """
    clips = iter(clips)
    first = next(clips)
    frame = Frame(*first[0].shape[1:3])
    loading.lay_out_positions(models.transformer, frame.latent_size, timeline.length)
    views = _encode(models, chain([first], clips), timeline, frame, dilation, signal, how)
    latents = [_denoise(models, conditions, timeline, how) for conditions in views]
    made = [_decode(models, view, timeline, frame, how.at_once) for view in latents]
    yield from map(_mean_with_mirrored, *made) if how.mirrored else made[0]


def _mean_with_mirrored(clip: Clip, mirrored: Clip) -> Clip:
    return ((clip.astype(np.uint16) + mirrored[:, :, ::-1] + 1) // 2).astype(np.uint8)


def _denoise(models: Models, conditions: Conditions, timeline: Timeline, how: Denoising) -> Tensor:
    """Latents of a timeline's rows, on disk: [rows, channels, height, width]."""
    shape = conditions.latents.shape[2:]
    latents = denoising.on_disk(timeline.row_count, *shape)
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
        made = _reconstruct(models, batch)
        if mirrored:
            made = map(_mean_with_mirrored, made, _reconstruct(models, [clip[:, :, ::-1] for clip in batch]))
        yield from made


def _reconstruct(models: Models, clips: list[Clip]) -> Iterator[Clip]:
    frame = Frame(*clips[0].shape[1:3])
    signals = torch.stack([vae_latents.to_signal(frame.pad(clip)) for clip in clips])
    decoded = vae_latents.decode(models.vae, vae_latents.encode(models.vae, signals)[0])
    return (frame.crop(vae_latents.to_pixels(signal)) for signal in decoded)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one perhaps shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _encode(
    models: Models,
    clips: Iterable[Window],
    timeline: Timeline,
    frame: Frame,
    dilation: int,
    signal: Signal,
    how: Denoising,
) -> list[Conditions]:
    """Conditions of the windows as they are and, where it is asked for, of the mirrored ones."""
    shape = len(timeline.starts), timeline.latent_frames
    channels = models.vae.config.latent_channels, models.mask_channels
    views = [
        Conditions(*(denoising.on_disk(*shape, count, *frame.latent_size) for count in channels))
        for _ in range(1 + how.mirrored)
    ]
    done = 0
    for batch in batched(clips, how.at_once):
        rows = slice(done, done + len(batch))
        seen = [batch, [_mirrored(window) for window in batch]] if how.mirrored else [batch]
        for view, part in zip(views, seen, strict=True):
            view.latents[rows], view.mask[rows] = _encode_batch(models, part, frame, dilation, signal)
        done += len(batch)
        how.encoded(len(batch))
    return views


def _encode_batch(
    models: Models, batch: list[Window], frame: Frame, dilation: int, signal: Signal
) -> tuple[Tensor, Tensor]:
    holes = [masks.dilate(frame.pad(hole), dilation) for _, hole, _ in batch]
    pairs = zip((frame.pad(filled) for filled, _, _ in batch), holes, strict=True)
    signals = [conditioning.condition_signal(filled, hole, signal) for filled, hole in pairs]
    latents = conditioning.encode_condition(models.vae, torch.stack(signals)).cpu()
    doubts = (conditioning.doubt_of_cells(frame.pad(doubt)) for _, _, doubt in batch)
    told = [conditioning.mask_channels(*pair, models.mask_channels) for pair in zip(holes, doubts, strict=True)]
    return latents, torch.stack(told)


def _mirrored(window: Window) -> Window:
    clip, hole, doubt = window
    return clip[:, :, ::-1].copy(), hole[:, :, ::-1].copy(), doubt[:, :, ::-1].copy()


def _predictor(models: Models, conditions: Conditions, how: Denoising) -> Predict:
    """Velocities of windows, with their conditions beside the noisy latents where the model takes them."""

    def predict(batch: list[int], latents: Tensor, timestep: Tensor) -> Tensor:
        if models.concatenates:
            latents = conditioning.model_input(latents, conditions.latents[batch], conditions.mask[batch])
        velocity = _velocity(models, latents, how.prompt, timestep)
        if how.negative is None or how.guidance == 1:
            return velocity
        away_from = _velocity(models, latents, how.negative, timestep)
        return away_from + how.guidance * (velocity - away_from)

    return predict


@torch.no_grad()
def _velocity(models: Models, latents: Tensor, prompt: Tensor, timestep: Tensor) -> Tensor:
    batch, device = len(latents), models.device
    with autocast(device, loading.lowest_dtype(models.transformer)):
        velocity = models.transformer(
            latents.to(device),
            prompt.to(device).expand(batch, -1, -1),
            timestep.expand(batch).to(device),
            return_dict=False,
        )[0]
    return velocity.float()


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[None]:
    """Autocast to the base weights' precision, so that they meet the float32 adapter; nothing for float32."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype)
