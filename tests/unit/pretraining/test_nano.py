"""The shipped model, models/nano: what the demo and other tests rely on."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.pretraining.architecture import FRAMES, HEIGHT, WIDTH, empty_prompt, noise_scheduler
from inpainting.pretraining.held_out import as_video, held_out, held_out_psnr
from inpainting.pretraining.settings import PretrainBaseSettings, PretrainVaeSettings
from torch import Tensor

ROOT = Path(__file__).parents[3]
NANO = ROOT / "models" / "nano"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLCogVideoX:
    """The shipped VAE in float32."""
    return loading.load_vae(str(NANO), torch.float32, CPU)


@pytest.fixture(scope="module")
def latents(vae: AutoencoderKLCogVideoX) -> Tensor:
    """Scaled latents of four unseen clips: [batch, frames, channels, height, width]."""
    return vae_latents.encode(vae, as_video(held_out(1, 4)).transpose(1, 2))[0]


@pytest.fixture(scope="module")
def transformer() -> CogVideoXTransformer3DModel:
    """The shipped transformer in float32."""
    return CogVideoXTransformer3DModel.from_pretrained(NANO, subfolder="transformer", torch_dtype=torch.float32)


def test_its_scheduler_is_that_of_cogvideox_2b() -> None:
    scheduler = CogVideoXDDIMScheduler.from_pretrained(NANO, subfolder="scheduler")
    expected = {name: value for name, value in noise_scheduler().config.items() if not name.startswith("_")}
    assert {name: scheduler.config[name] for name in expected} == expected


def test_its_structure_is_that_of_the_real_one_but_for_wider_latents(
    vae: AutoencoderKLCogVideoX, transformer: CogVideoXTransformer3DModel
) -> None:
    assert len(vae.config.block_out_channels) == 4
    assert vae.config.latent_channels == transformer.config.in_channels == transformer.config.out_channels == 64
    assert (vae.config.temporal_compression_ratio, transformer.config.temporal_compression_ratio) == (4, 4)
    assert transformer.config.patch_size == 2
    assert loading.latent_channels(str(NANO)) == 64
    assert not transformer.config.use_rotary_positional_embeddings
    assert (transformer.config.sample_width, transformer.config.sample_height) == (WIDTH // 8, HEIGHT // 8)
    assert transformer.config.sample_frames == FRAMES


def test_its_vae_reconstructs_unseen_clips(vae: AutoencoderKLCogVideoX) -> None:
    assert held_out_psnr(vae, PretrainVaeSettings(held_out=8)) > 35


def test_its_vae_loses_nearly_nothing_in_half_the_precision(vae: AutoencoderKLCogVideoX) -> None:
    """On small pieces of two clips: a CPU without bfloat16 arithmetic takes minutes for whole ones."""
    pieces = as_video(held_out(1, 2))[:, :, :9, 32:48, 48:72].transpose(1, 2)
    half = loading.load_vae(str(NANO), torch.bfloat16, CPU)
    full, halved = (
        vae_latents.decode(model, vae_latents.encode(model, pieces)[0]).clamp(-1, 1) for model in (vae, half)
    )
    assert psnr(halved, full) > 50, "the VAE itself scores 37 dB PSNR"
    assert not torch.equal(halved, full)


def psnr(signal: Tensor, other: Tensor) -> float:
    """dB between two signals in -1..1."""
    return -10 * ((signal - other) / 2).square().mean().log10().item()


def test_its_scaled_latents_have_unit_scale(latents: Tensor) -> None:
    assert latents.std().item() == pytest.approx(1, abs=0.15)


def test_its_transformer_predicts_velocities_of_unseen_clips_better_than_zero(
    latents: Tensor, transformer: CogVideoXTransformer3DModel
) -> None:
    scheduler = noise_scheduler()
    times = torch.tensor([100, 300, 600, 600])
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    noisy = scheduler.add_noise(latents, noise, times)
    with torch.no_grad():
        velocity = transformer(noisy, empty_prompt(4, CPU), times, return_dict=False)[0]
    target = scheduler.get_velocity(latents, noise, times)
    assert ((velocity - target).square().mean() / target.square().mean()).item() < 0.6


def test_it_is_small_and_has_a_card() -> None:
    assert sum(path.stat().st_size for path in NANO.rglob("*") if path.is_file()) < 20e6
    card = (NANO / "README.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in card
    assert "dB PSNR" in card


def test_it_was_made_with_the_config_that_is_shipped(
    vae: AutoencoderKLCogVideoX, transformer: CogVideoXTransformer3DModel
) -> None:
    config = yaml.safe_load((ROOT / "config" / "pretrain-nano.yaml").read_text(encoding="utf-8"))
    made, base = PretrainVaeSettings(**config["vae"]), PretrainBaseSettings(**config["base"])
    assert list(vae.config.block_out_channels) == made.channels
    assert vae.config.latent_channels == made.latent_channels
    assert np.array_equal(
        [transformer.config.num_attention_heads, transformer.config.attention_head_dim, transformer.config.num_layers],
        [base.heads, base.head_width, base.layers],
    )
