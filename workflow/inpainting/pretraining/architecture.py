"""The nano CogVideoX: the classes, structure and noise schedule of the real one, at a size that two cores can train."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from inpainting.core.seeds import derive
from inpainting.models.vae import arranged
from inpainting.pretraining.settings import PretrainBaseSettings, PretrainVaeSettings

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

FRAMES = 17
WIDTH, HEIGHT = 128, 96
SPACE, TIME = 8, 4
TEXT_TOKENS, TEXT_WIDTH = 8, 32


def latent_size(frames: int, size: tuple[int, int]) -> tuple[int, int, int]:
    """Frames, height and width of the latents of a clip of so many frames of `size` (width, height)."""
    width, height = size
    return (frames - 1) // TIME + 1, height // SPACE, width // SPACE


def noise_scheduler() -> CogVideoXDDIMScheduler:
    """The scheduler that CogVideoX-2b publishes, setting by setting; the class defaults are others."""
    from diffusers import CogVideoXDDIMScheduler

    return CogVideoXDDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        snr_shift_scale=3.0,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
        clip_sample=False,
    )


def new_vae(settings: PretrainVaeSettings) -> AutoencoderKLCogVideoX:
    """A VAE with fresh weights: 8x in space, 4x in time."""
    from diffusers import AutoencoderKLCogVideoX

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
    return arranged(vae, torch.device("cpu"))


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


def new_transformer(settings: PretrainBaseSettings, latent_channels: int) -> CogVideoXTransformer3DModel:
    """A transformer with fresh weights, its output layer's at zero, so that it starts by predicting almost nothing."""
    from diffusers import CogVideoXTransformer3DModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(settings.seed, "pretraining.weights"))
        transformer = CogVideoXTransformer3DModel(
            num_attention_heads=settings.heads,
            attention_head_dim=settings.head_width,
            num_layers=settings.layers,
            in_channels=latent_channels,
            out_channels=latent_channels,
            time_embed_dim=settings.time_width,
            text_embed_dim=TEXT_WIDTH,
            max_text_seq_length=TEXT_TOKENS,
            sample_width=WIDTH // SPACE,
            sample_height=HEIGHT // SPACE,
            sample_frames=FRAMES,
            patch_size=2,
            temporal_compression_ratio=TIME,
            spatial_interpolation_scale=1.0,
            temporal_interpolation_scale=1.0,
        )
    nn.init.zeros_(transformer.proj_out.weight)
    return transformer


def empty_prompt(batch: int, device: torch.device) -> torch.Tensor:
    """The nano model has no text encoder; its prompt is zeros: [batch, TEXT_TOKENS, TEXT_WIDTH]."""
    return torch.zeros(batch, TEXT_TOKENS, TEXT_WIDTH, device=device)
