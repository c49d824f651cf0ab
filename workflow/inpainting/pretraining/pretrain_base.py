"""Pretrain the nano transformer to predict the velocity of noisy latents of the sample maker's clips."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from inpainting.core.progress import Progress
from inpainting.models.vae import arranged
from inpainting.pretraining.architecture import empty_prompt, new_transformer, noise_scheduler
from inpainting.pretraining.card import assemble
from inpainting.pretraining.latents import held_out_latents, training_latents
from inpainting.pretraining.run import Run, annealed, autocast, computing_device, generator, prepared_ahead
from inpainting.pretraining.settings import PretrainBaseCommand, PretrainBaseSettings

if TYPE_CHECKING:
    from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

log = logging.getLogger(__name__)

AVERAGE_DECAY = 0.998
SCORED_STEPS = (100, 300, 600, 900)
"""Time steps at which the held-out velocity error is reported."""


def pretrain_base(settings: PretrainBaseCommand) -> None:
    """Train the transformer and save the whole nano model, with the VAE, to `settings.out`."""
    from diffusers import AutoencoderKLCogVideoX

    device = computing_device(settings)
    vae = arranged(AutoencoderKLCogVideoX.from_pretrained(settings.vae, torch_dtype=torch.float32), device).to(device)
    latents = training_latents(vae, settings)
    unseen = held_out_latents(vae, settings).to(device)
    scheduler = noise_scheduler()
    transformer = new_transformer(settings, vae.config.latent_channels).to(device)
    run = Run(transformer, settings.rate, settings.work, AVERAGE_DECAY)
    run.resume()
    progress = Progress("base", "steps", settings.steps, run.step, every=60)
    losses: list[float] = []
    batches = prepared_ahead(partial(draw_batch, settings, latents), range(run.step, settings.steps), settings.threads)
    for batch in batches:
        losses.append(train_step(run, settings, scheduler, batch))
        progress.step(note=f", loss {np.mean(losses[-100:]):.4f}")
        if run.step % settings.checkpoint_every == 0 or run.step == settings.steps:
            with run.averaged():
                run.note(loss=float(np.mean(losses)), **held_out_errors(transformer, scheduler, unseen, settings))
            losses.clear()
            run.save()
    with run.averaged():
        assemble(vae, transformer, scheduler, settings, run.curve)


Batch = tuple[Tensor, Tensor, Tensor]
"""Clean latents and noise [batch, channels, frames, height, width], time steps [batch]."""


def draw_batch(settings: PretrainBaseSettings, latents: Tensor, step: int) -> Batch:
    """A batch of clips, noise and time steps that depend on the step's number alone."""
    draw = generator(settings.seed, "pretraining.base.step", step)
    clean = latents[torch.randint(len(latents), (settings.batch,), generator=draw)].float()
    times = spread_times(settings.batch, draw)
    return clean, torch.randn(clean.shape, generator=draw), times


def train_step(
    run: Run[CogVideoXTransformer3DModel],
    settings: PretrainBaseSettings,
    scheduler: CogVideoXDDIMScheduler,
    batch: Batch,
) -> float:
    """One step on a batch; returns the loss."""
    inputs = [tensor.to(run.model.device) for tensor in batch]

    def loss_of(clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        with autocast(settings, clean.device):
            return velocity_error(run.model, scheduler, clean, noise, times).mean()

    return run.train("velocity", loss_of, inputs, annealed(run.step, settings.steps, warmup=100))


def spread_times(batch: int, draw: torch.Generator) -> Tensor:
    """Time steps [batch] in 0 .. 999, one from each of `batch` equal parts: a batch sees all noise levels."""
    parts = torch.arange(batch) + torch.rand(batch, generator=draw)
    return (parts * 1000 / batch).long().clamp(max=999)


def velocity_error(
    transformer: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler,
    clean: Tensor,
    noise: Tensor,
    times: Tensor,
) -> Tensor:
    """Squared error of the predicted velocity, [batch, channels, frames, height, width], in float32."""
    noisy = scheduler.add_noise(clean, noise, times)
    target = scheduler.get_velocity(clean, noise, times)
    prompt = empty_prompt(len(clean), clean.device)
    predicted = transformer(noisy.transpose(1, 2), prompt, times, return_dict=False)[0]
    return (predicted.float().transpose(1, 2) - target).square()


@torch.no_grad()
def held_out_errors(
    transformer: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler,
    latents: Tensor,
    settings: PretrainBaseSettings,
) -> dict[str, float]:
    """Mean squared velocity error on held-out latents at each of SCORED_STEPS, under the same noise every time."""
    errors = {}
    for time in SCORED_STEPS:
        noise = torch.randn(latents.shape, generator=generator(settings.seed, "pretraining.base.held-out", time))
        times = torch.full((len(latents),), time, device=latents.device)
        with autocast(settings, latents.device):
            error = velocity_error(transformer, scheduler, latents, noise.to(latents.device), times)
        errors[f"t{time}"] = error.mean().item()
    return errors
