"""Train the nano VAE on sample clips: single frames first, then short clips, then whole ones."""

import math
from pathlib import Path

import numpy as np
import torch
from clips import FRAMES, HEIGHT, WIDTH, Pixels, crop, draw_clips, held_out
from diffusers import AutoencoderKLCogVideoX
from inpainting.core.files import atomic_path
from inpainting.core.seeds import derive
from inpainting.models.spatial_norm import project_first
from settings import VaeSettings
from torch import Tensor, nn
from torch.nn import functional
from trainer import Trainer, autocast, generator, learning_rate_factor

SPACE, TIME = 8, 4
"""Downsampling factors from pixels to latents."""

CROP = (64, 48)
EMA_DECAY = 0.995
KL_WEIGHT = 2e-5
WARMUP_STEPS = 60
FINAL_RATE_FACTOR = 0.03
"""Factor of the last step's learning rates."""


def train_vae(settings: VaeSettings, out: Path, device: torch.device) -> None:
    """Train the VAE and save it in float32, with its scaling factor, to `out`/vae."""
    seed, size = derive(settings.seed, "pretraining.vae"), (2 * WIDTH, 2 * HEIGHT)
    clips = draw_clips(seed, settings.clips, size, holes=True, workers=settings.workers)
    held_out_clips = as_video(held_out(settings.seed, settings.held_out)).to(device)
    vae = new_vae(settings).to(device)

    def compute_loss(step: int) -> Tensor:
        pixels, noise = draw_batch(settings, clips, step)
        return vae_loss(vae, settings, as_video(pixels).to(device), noise.to(device))

    trained = Trainer(vae, settings, EMA_DECAY, out / "vae.checkpoint").train(
        settings.steps,
        compute_loss,
        lambda step: learning_rate_factor(step, settings.steps, WARMUP_STEPS, FINAL_RATE_FACTOR),
        lambda ema: {"psnr": psnr(ema, held_out_clips[: len(held_out_clips) // 4])},
    )
    trained.register_to_config(scaling_factor=float(1 / encode(trained, held_out_clips).std()))
    with atomic_path(out / "vae") as folder:
        trained.save_pretrained(folder)


def new_vae(settings: VaeSettings) -> AutoencoderKLCogVideoX:
    """A VAE with random weights that downsamples 8x in space and 4x in time."""
    blocks = len(settings.channels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(settings.seed, "pretraining.weights"))
        vae = AutoencoderKLCogVideoX(
            block_out_channels=tuple(settings.channels),
            down_block_types=("CogVideoXDownBlock3D",) * blocks,
            up_block_types=("CogVideoXUpBlock3D",) * blocks,
            latent_channels=settings.latent_channels,
            layers_per_block=settings.layers,
            norm_num_groups=settings.groups,
            sample_width=WIDTH,
            sample_height=HEIGHT,
            temporal_compression_ratio=TIME,
        )
    start_near_identity(vae)
    return project_first(vae)


@torch.no_grad()
def start_near_identity(vae: AutoencoderKLCogVideoX) -> None:
    """Scale the random weights for a stable start of training.

    Residual branches start small, the decoder's spatial norms start as plain norms (scale 1, shift 0), and the
    posterior starts narrow (log-variance -6), so that the decoder receives little noise.
    """
    for name, module in vae.named_modules():
        if name.endswith("conv_y.conv"):
            nn.init.ones_(module.bias)
            module.weight.mul_(0.3)
        elif name.endswith("conv_b.conv"):
            nn.init.zeros_(module.bias)
        elif name.endswith("conv2.conv") and "resnets" in name:
            module.weight.mul_(0.1)
            nn.init.zeros_(module.bias)
    vae.encoder.conv_out.conv.bias[vae.config.latent_channels :] = -6.0


def training_stage(step: int, settings: VaeSettings) -> tuple[int, tuple[int, int], int]:
    """Number of frames, size (width, height) and clips per batch of a step."""
    if step < settings.image_steps:
        return 1, CROP, 3 * settings.batch
    if step < settings.image_steps + settings.short_steps:
        return 9, CROP, settings.batch
    return FRAMES, (WIDTH, HEIGHT), settings.batch // 2


def draw_batch(settings: VaeSettings, clips: Pixels, step: int) -> tuple[Pixels, Tensor]:
    """A step's clips, uint8 [batch, frames, height, width, 3], and the standard normal noise of their latents.

    The noise is [batch, channels, latent frames, h, w].
    """
    frames, (width, height), batch = training_stage(step, settings)
    rng = np.random.default_rng(derive(settings.seed, "pretraining.vae.batch", step))
    crops = [crop(rng, clips[rng.integers(len(clips))], frames, (width, height)) for _ in range(batch)]
    shape = (batch, settings.latent_channels, (frames - 1) // TIME + 1, height // SPACE, width // SPACE)
    return np.stack(crops), torch.randn(shape, generator=generator(settings.seed, "pretraining.vae.noise", step))


def vae_loss(vae: AutoencoderKLCogVideoX, settings: VaeSettings, clips: Tensor, noise: Tensor) -> Tensor:
    """Loss of clips [batch, 3, frames, height, width] in -1..1, whose latents are sampled with the given noise.

    The sum of the reconstruction's smooth absolute error, its squared error, the absolute error of 4x4 averages (for
    colour) and KL_WEIGHT times the posterior's KL divergence.
    """
    with autocast(settings, vae.device):
        posterior = vae.encode(clips).latent_dist
    mean, log_variance = posterior.mean.float(), posterior.logvar.float()
    with autocast(settings, vae.device):
        decoded = vae.decode(mean + (log_variance / 2).exp() * noise).sample.float()
    error = decoded - clips
    blurred = functional.avg_pool3d(error, (1, 4, 4))
    reconstruction = (error.square() + 1e-4).sqrt().mean() + 2 * error.square().mean() + 0.5 * blurred.abs().mean()
    return reconstruction + KL_WEIGHT * divergence(mean, log_variance)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean KL divergence from the standard normal in nats per latent value; both tensors have the latents' shape.

    diffusers' kl() does not sum over the width of a video.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def as_video(clips: Pixels) -> Tensor:
    """uint8 [batch, frames, height, width, 3] as float32 [batch, 3, frames, height, width] in -1..1."""
    return torch.from_numpy(clips).permute(0, 4, 1, 2, 3).float().div(127.5).sub(1).contiguous()


@torch.no_grad()
def encode(vae: AutoencoderKLCogVideoX, clips: Tensor) -> Tensor:
    """Unscaled latents [batch, channels, latent frames, h, w] of clips [batch, 3, frames, height, width]."""
    return torch.cat([vae.encode(chunk).latent_dist.mode() for chunk in clips.split(8)])


@torch.no_grad()
def psnr(vae: AutoencoderKLCogVideoX, clips: Tensor) -> float:
    """Mean PSNR in dB of the VAE's reconstructions of clips [batch, 3, frames, height, width] in -1..1."""
    decoded = torch.cat([vae.decode(pair).sample.clamp(-1, 1) for pair in encode(vae, clips).split(2)])
    errors = ((decoded - clips) / 2).square().mean(dim=(1, 2, 3, 4))
    return float(np.mean([-10 * math.log10(error) for error in errors.tolist()]))
