"""The real model's sizes, from its published configuration, without memory for its weights."""

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.lora import add_lora, prepare_training, trainable_table
from inpainting.models.settings import ATTENTION, LoraSettings
from inpainting.models.widening import widen_patch_embedding
from torch import nn

INPUT_CHANNELS = ConditionSettings().input_channels(16, COGVIDEOX_2B.geometry)

WIDTH, BLOCKS = 1920, 30


@pytest.fixture
def transformer() -> CogVideoXTransformer3DModel:
    """CogVideoX-2b's transformer on the meta device, as its config.json on the hub describes it."""
    with torch.device("meta"):
        return CogVideoXTransformer3DModel(
            num_attention_heads=30,
            attention_head_dim=64,
            in_channels=16,
            out_channels=16,
            time_embed_dim=512,
            text_embed_dim=4096,
            num_layers=BLOCKS,
            sample_width=90,
            sample_height=60,
            sample_frames=49,
            patch_size=2,
            temporal_compression_ratio=4,
            max_text_seq_length=226,
            activation_fn="gelu-approximate",
            timestep_activation_fn="silu",
            norm_eps=1e-5,
            spatial_interpolation_scale=1.875,
            temporal_interpolation_scale=1.0,
            use_rotary_positional_embeddings=False,
        )


def weights(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_transformer_has_1_694_billion_weights(transformer: CogVideoXTransformer3DModel) -> None:
    assert round(weights(transformer) / 1e9, 3) == 1.694


def test_its_clips_are_13_frames_of_60_by_90_latents(transformer: CogVideoXTransformer3DModel) -> None:
    assert transformer.patch_embed.pos_embedding.shape == (1, 226 + 13 * 30 * 45, WIDTH)


def test_widening_adds_130560_weights(transformer: CogVideoXTransformer3DModel) -> None:
    before = weights(transformer)
    widen_patch_embedding(transformer, INPUT_CHANNELS)
    assert INPUT_CHANNELS == 33
    assert weights(transformer) - before == 130_560


@pytest.mark.parametrize(("rank", "millions"), [(64, 29.5), (128, 59.0)])
def test_lora_on_attention_has_as_many_weights_as_its_rank_says(
    transformer: CogVideoXTransformer3DModel, rank: int, millions: float
) -> None:
    widen_patch_embedding(transformer, INPUT_CHANNELS)
    add_lora(transformer, LoraSettings(rank=rank, alpha=rank), seed=0)
    table = trainable_table(prepare_training(transformer)).set_index("name")
    low_rank = table[table.index.str.contains(".lora_", regex=False)]
    assert low_rank["weights"].sum() == BLOCKS * len(ATTENTION) * 2 * rank * WIDTH
    assert round(low_rank["weights"].sum() / 1e6, 1) == millions
    patch = table.drop(low_rank.index)
    assert patch["weights"].sum() == WIDTH * (INPUT_CHANNELS * 2 * 2 + 1)


def test_the_vae_has_216_million_weights_and_shrinks_by_8_and_4() -> None:
    with torch.device("meta"):
        vae = AutoencoderKLCogVideoX(
            block_out_channels=(128, 256, 256, 512),
            latent_channels=16,
            layers_per_block=3,
            norm_num_groups=32,
            temporal_compression_ratio=4,
            scaling_factor=1.15258426,
        )
        latents = vae.encode(torch.empty(1, 3, 49, 480, 640)).latent_dist.mean
    assert round(weights(vae) / 1e6) == 216
    assert latents.shape == (1, 16, 13, 60, 80)
