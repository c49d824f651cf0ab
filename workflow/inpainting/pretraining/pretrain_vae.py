"""Pretrain the nano VAE on clips of the sample maker: frames first, then short and long clips, then the decoder alone.

The encoder is final before the decoder's own steps, so that latents can be made meanwhile.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inpainting.core.files import atomic_path
from inpainting.core.progress import Progress
from inpainting.core.seeds import derive
from inpainting.pretraining.architecture import FRAMES, HEIGHT, WIDTH, latent_size, new_vae
from inpainting.pretraining.clips import Clip, ClipPlan, clip_pool, crop, further_photographs
from inpainting.pretraining.held_out import as_video, held_out, held_out_psnr
from inpainting.pretraining.run import Run, annealed, autocast, computing_device, generator, prepared_ahead
from inpainting.pretraining.settings import PretrainVaeCommand, PretrainVaeSettings

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX

log = logging.getLogger(__name__)

CROP = (64, 48)
AVERAGE_DECAY = 0.995
KL_WEIGHT = 2e-5
DECODER_RATE = 0.3
"""The decoder's own steps start at this share of the learning rate."""


def pretrain_vae(settings: PretrainVaeCommand) -> None:
    """Train the VAE and save it, with its scaling factor, to `settings.out`."""
    device = computing_device(settings)
    photographs = further_photographs(settings.photographs)
    drawn = (settings.clip_scale * WIDTH, settings.clip_scale * HEIGHT)
    plan = ClipPlan(derive(settings.seed, "pretraining.vae"), FRAMES, drawn, True, photographs)
    pool = clip_pool(settings.work, plan, settings.clips, settings.threads)
    vae = new_vae(settings).to(device)
    run = Run(vae, settings.rate, settings.work, AVERAGE_DECAY)
    run.resume()
    steps = settings.encoder_steps + settings.decoder_steps
    progress = Progress("VAE", "steps", steps, run.step, every=60)
    losses: list[float] = []
    batches = prepared_ahead(partial(draw_batch, settings, pool), range(run.step, steps), settings.threads)
    for batch in batches:
        if run.step == settings.encoder_steps:
            fix_encoder(run, settings)
        losses.append(train_step(run, settings, batch))
        progress.step(note=f", loss {np.mean(losses[-50:]):.4f}")
        if run.step % settings.checkpoint_every == 0 or run.step == steps:
            with run.averaged():
                run.note(loss=float(np.mean(losses)), psnr=held_out_psnr(vae, settings))
            losses.clear()
            run.save()
    with run.averaged():
        save_vae(vae, settings, settings.out)


def fix_encoder(run: Run[AutoencoderKLCogVideoX], settings: PretrainVaeCommand) -> None:
    """Make the encoder's averaged weights its last ones, and save the VAE for those who need the encoder only."""
    run.adopt({name: weight for name, weight in run.average.items() if name.startswith("encoder.")})
    with run.averaged():
        save_vae(run.model, settings, settings.work / "encoder-final")


def draw_batch(settings: PretrainVaeSettings, pool: Clip, step: int) -> tuple[Tensor, Tensor]:
    """The clips of a step, uint8 [batch, frames, height, width, 3], and the standard normal noise of their latents."""
    stage = stage_of(step, settings)
    rng = np.random.default_rng(derive(settings.seed, "pretraining.vae.batch", step))
    pieces = [crop(rng, pool[rng.integers(len(pool))], stage.frames, stage.size) for _ in range(stage.batch)]
    shape = (stage.batch, settings.latent_channels, *latent_size(stage.frames, stage.size))
    noise = torch.randn(shape, generator=generator(settings.seed, "pretraining.vae.noise", step))
    return torch.from_numpy(np.stack(pieces)), noise


def train_step(run: Run[AutoencoderKLCogVideoX], settings: PretrainVaeSettings, batch: tuple[Tensor, Tensor]) -> float:
    """One step of the stage that the run's step belongs to; returns the loss."""
    stage = stage_of(run.step, settings)
    inputs = [tensor.to(run.model.device) for tensor in batch]
    loss_of = partial(vae_loss, run.model, settings, stage.decoder_only)
    return run.train(stage, loss_of, inputs, rate_factor(run.step, settings))


def vae_loss(
    vae: AutoencoderKLCogVideoX, settings: PretrainVaeSettings, decoder_only: bool, pixels: Tensor, noise: Tensor
) -> Tensor:
    """Loss of clips, uint8 [batch, frames, height, width, 3], whose latents are drawn with the noise."""
    clips = as_video(pixels)
    with torch.set_grad_enabled(not decoder_only), autocast(settings, vae.device):
        posterior = vae.encode(clips).latent_dist
    mean, log_variance = posterior.mean.float(), posterior.logvar.float()
    with autocast(settings, vae.device):
        decoded = vae.decode(mean + (log_variance / 2).exp() * noise).sample.float()
    return reconstruction_loss(decoded, clips) + KL_WEIGHT * divergence(mean, log_variance)


@dataclass(frozen=True)
class Stage:
    """What a step trains on: clips of `frames` and `size` (width, height), `batch` of them."""

    frames: int
    size: tuple[int, int]
    batch: int
    decoder_only: bool = False


def stage_of(step: int, settings: PretrainVaeSettings) -> Stage:
    """The stage that a step belongs to."""
    if step < settings.image_steps:
        return Stage(1, CROP, 3 * settings.batch)
    if step < settings.image_steps + settings.short_steps:
        return Stage(9, CROP, settings.batch)
    if step < settings.encoder_steps:
        return Stage(17, (WIDTH, HEIGHT), settings.batch // 2)
    return Stage(9, (WIDTH, HEIGHT), settings.batch // 2, decoder_only=True)


def rate_factor(step: int, settings: PretrainVaeSettings) -> float:
    """Learning rate factor: one half cosine until the encoder is final, a second, lower one for the decoder's steps."""
    if step < settings.encoder_steps:
        return annealed(step, settings.encoder_steps, warmup=60, floor=0.03)
    return DECODER_RATE * annealed(step - settings.encoder_steps, settings.decoder_steps, warmup=20)


def reconstruction_loss(decoded: Tensor, clips: Tensor) -> Tensor:
    """Smooth absolute error, squared error, and the absolute error of 4x4 averages, for colour; both in [-1, 1]."""
    error = decoded - clips
    blurred = functional.avg_pool3d(error, (1, 4, 4))
    return (error.square() + 1e-4).sqrt().mean() + 2 * error.square().mean() + 0.5 * blurred.abs().mean()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean KL divergence of a latent value from the standard normal, in nats (diffusers' kl() is wrong for video)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


@torch.no_grad()
def save_vae(vae: AutoencoderKLCogVideoX, settings: PretrainVaeSettings, folder: Path) -> None:
    """Measure the latents' standard deviation on held-out clips, write 1 / it as the scaling factor, save."""
    clips = as_video(held_out(settings.seed, settings.held_out)).to(vae.device)
    latents = torch.cat([vae.encode(pair).latent_dist.mode() for pair in clips.split(2)])
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    with atomic_path(folder) as temporary:
        vae.save_pretrained(temporary)
