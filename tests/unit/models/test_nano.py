"""The shipped model, models/nano: what the demo and other tests rely on."""

from pathlib import Path

import pytest
import torch
import yaml
from clips import FRAMES, HEIGHT, WIDTH, held_out
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from inpainting.models import bases, loading
from inpainting.models import vae as vae_latents
from settings import Config
from torch import Tensor
from transformer import noise_scheduler, velocity_error
from vae import as_video, encode, psnr

NANO = Path(__file__).parents[3] / "models" / "nano"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLCogVideoX:
    """The shipped VAE in float32."""
    return loading.load_vae(str(NANO), torch.float32, CPU)


@pytest.fixture(scope="module")
def transformer() -> CogVideoXTransformer3DModel:
    """The shipped transformer in float32."""
    size = (HEIGHT // 8, WIDTH // 8)
    return loading.load_transformer(str(NANO), torch.float32, CPU, size, FRAMES)


@pytest.fixture(scope="module")
def unseen() -> Tensor:
    """Four clips that were not trained on: float32 [clips, 3, frames, height, width] in -1..1."""
    return as_video(held_out(1, 4))


@pytest.fixture(scope="module")
def latents(vae: AutoencoderKLCogVideoX, unseen: Tensor) -> Tensor:
    """Their scaled latents, [clips, channels, latent frames, h, w]."""
    return encode(vae, unseen) * vae.config.scaling_factor


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
    assert bases.latent_channels(str(NANO)) == 64
    assert not transformer.config.use_rotary_positional_embeddings
    assert (transformer.config.sample_width, transformer.config.sample_height) == (WIDTH // 8, HEIGHT // 8)
    assert transformer.config.sample_frames == FRAMES


def test_its_vae_reconstructs_unseen_clips(vae: AutoencoderKLCogVideoX) -> None:
    assert psnr(vae, as_video(held_out(0, 2))) > 35


def test_its_vae_loses_nearly_nothing_in_half_the_precision(vae: AutoencoderKLCogVideoX, unseen: Tensor) -> None:
    """On small pieces of two clips: a CPU without bfloat16 arithmetic takes minutes for whole ones."""
    pieces = unseen[:2, :, :9, 32:48, 48:72].transpose(1, 2)
    half = loading.load_vae(str(NANO), torch.bfloat16, CPU)
    full, halved = (
        vae_latents.decode(model, vae_latents.encode(model, pieces)[0]).clamp(-1, 1) for model in (vae, half)
    )
    error = ((halved - full) / 2).square().mean()
    assert -10 * error.log10().item() > 50, "the VAE itself scores 37 dB PSNR"
    assert not torch.equal(halved, full)


def test_its_scaled_latents_have_unit_scale(latents: Tensor) -> None:
    assert latents.std().item() == pytest.approx(1, abs=0.15)


def test_its_transformer_predicts_velocities_of_unseen_clips_better_than_zero(
    transformer: CogVideoXTransformer3DModel, latents: Tensor
) -> None:
    scheduler, timesteps, clean = noise_scheduler(), torch.tensor([100, 300, 600, 600]), latents
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        error = velocity_error(transformer, scheduler, clean, noise, timesteps)
    zero = scheduler.get_velocity(clean, noise, timesteps).square().mean()
    assert (error / zero).item() < 0.6


def test_it_is_small_and_has_a_card() -> None:
    files = [path for path in NANO.rglob("*") if path.is_file() and NANO / "pretraining" not in path.parents]
    assert sum(path.stat().st_size for path in files) < 20e6
    card = (NANO / "README.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in card
    assert "dB PSNR" in card


def test_it_was_made_with_the_settings_that_are_shipped(
    vae: AutoencoderKLCogVideoX, transformer: CogVideoXTransformer3DModel
) -> None:
    settings = yaml.safe_load((NANO / "pretraining" / "settings.yaml").read_text(encoding="utf-8"))
    config = Config.model_validate(settings)
    assert list(vae.config.block_out_channels) == config.vae.channels
    assert vae.config.latent_channels == config.vae.latent_channels
    assert transformer.config.num_attention_heads == config.transformer.heads
    assert transformer.config.attention_head_dim == config.transformer.head_width
    assert transformer.config.num_layers == config.transformer.layers
