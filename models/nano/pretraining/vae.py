"""Train the nano VAE on sample clips: single frames first, then short clips, then whole ones."""

import math
from pathlib import Path

import numpy as np
import torch
from clips import FRAMES, HEIGHT, WIDTH, Clip, crop, draw_clips, held_out
from diffusers import AutoencoderKLCogVideoX
from inpainting.core.files import atomic_path
from inpainting.core.seeds import derive
from inpainting.models.spatial_norm import project_first
from settings import VaeSettings
from torch import Tensor, nn
from torch.nn import functional
from trainer import Trainer, annealed, autocast, generator

SPACE, TIME = 8, 4
"""How many times smaller latents are than pixels."""

CROP = (64, 48)
EMA_DECAY = 0.995
KL_WEIGHT = 2e-5
WARMUP_STEPS = 60
LOWEST_RATE = 0.03
"""The last step's share of the learning rate."""


def train_vae(settings: VaeSettings, out: Path, device: torch.device) -> None:
    """Train the VAE and save it in float32, with its scaling factor, to `out`/vae."""
    drawn = (2 * WIDTH, 2 * HEIGHT)
    clips = draw_clips(
        derive(settings.seed, "pretraining.vae"), settings.clips, drawn, holes=True, workers=settings.workers
    )
    unseen = as_video(held_out(settings.seed, settings.held_out)).to(device)
    vae = new_vae(settings).to(device)

    def loss_of(step: int) -> Tensor:
        pixels, noise = draw_batch(settings, clips, step)
        return vae_loss(vae, settings, as_video(pixels).to(device), noise.to(device))

    trained = Trainer(vae, settings, EMA_DECAY, out / "vae.checkpoint").train(
        settings.steps,
        loss_of,
        lambda step: annealed(step, settings.steps, WARMUP_STEPS, LOWEST_RATE),
        lambda average: {"psnr": psnr(average, unseen[: len(unseen) // 4])},
    )
    trained.register_to_config(scaling_factor=float(1 / encode(trained, unseen).std()))
    with atomic_path(out / "vae") as folder:
        trained.save_pretrained(folder)


def new_vae(settings: VaeSettings) -> AutoencoderKLCogVideoX:
    """A VAE with fresh weights: 8x in space, 4x in time."""
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
    """Scale the fresh weights so that training starts stably.

    Residual branches start small, the decoder's spatial norms start as plain norms (scale 1, shift 0), and the
    posterior starts narrow (log-variance -6), so that the decoder sees the code and not noise.
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


def stage_of(step: int, settings: VaeSettings) -> tuple[int, tuple[int, int], int]:
    """What a step trains on: number of frames, size (width, height), clips per batch."""
    if step < settings.image_steps:
        return 1, CROP, 3 * settings.batch
    if step < settings.image_steps + settings.short_steps:
        return 9, CROP, settings.batch
    return FRAMES, (WIDTH, HEIGHT), settings.batch // 2


def draw_batch(settings: VaeSettings, clips: Clip, step: int) -> tuple[Clip, Tensor]:
    """The clips of a step, uint8 [batch, frames, height, width, 3], and the standard normal noise of their latents."""
    frames, (width, height), batch = stage_of(step, settings)
    rng = np.random.default_rng(derive(settings.seed, "pretraining.vae.batch", step))
    pieces = [crop(rng, clips[rng.integers(len(clips))], frames, (width, height)) for _ in range(batch)]
    shape = (batch, settings.latent_channels, (frames - 1) // TIME + 1, height // SPACE, width // SPACE)
    return np.stack(pieces), torch.randn(shape, generator=generator(settings.seed, "pretraining.vae.noise", step))


def vae_loss(vae: AutoencoderKLCogVideoX, settings: VaeSettings, clips: Tensor, noise: Tensor) -> Tensor:
    """Loss of clips [batch, 3, frames, height, width] in -1..1, whose latents are drawn with the noise.

    The reconstruction's smooth absolute error, squared error and, for colour, the absolute error of 4x4 averages; and
    a little of the posterior's divergence.
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
    """Mean KL divergence of a latent value from the standard normal, in nats (diffusers' kl() is wrong for video)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def as_video(clips: Clip) -> Tensor:
    """uint8 [batch, frames, height, width, 3] as float32 [batch, 3, frames, height, width] in -1..1."""
    return torch.from_numpy(clips).permute(0, 4, 1, 2, 3).float().div(127.5).sub(1).contiguous()


@torch.no_grad()
def encode(vae: AutoencoderKLCogVideoX, clips: Tensor) -> Tensor:
    """Latents, not scaled, [batch, channels, latent frames, h, w], of clips [batch, 3, frames, height, width]."""
    return torch.cat([vae.encode(part).latent_dist.mode() for part in clips.split(8)])


@torch.no_grad()
def psnr(vae: AutoencoderKLCogVideoX, clips: Tensor) -> float:
    """Mean PSNR in dB of clips [batch, 3, frames, height, width] in -1..1 through the VAE."""
    decoded = torch.cat([vae.decode(pair).sample.clamp(-1, 1) for pair in encode(vae, clips).split(2)])
    errors = ((decoded - clips) / 2).square().mean(dim=(1, 2, 3, 4))
    return float(np.mean([-10 * math.log10(error) for error in errors.tolist()]))
