"""The widened model starts as the base model, whatever comes in through its new channels."""

from copy import deepcopy

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.lora import add_lora
from inpainting.models.settings import LoraSettings
from inpainting.models.widening import widen_patch_embedding
from torch import Tensor

INPUT_CHANNELS = ConditionSettings().input_channels(16, COGVIDEOX_2B.geometry)


def velocity(transformer: CogVideoXTransformer3DModel, latents: Tensor) -> Tensor:
    text = torch.randn((len(latents), 4, 8), generator=torch.Generator().manual_seed(5))
    timesteps = torch.arange(len(latents)) * 400
    with torch.no_grad():
        return transformer(latents, text, timesteps, return_dict=False)[0]


def random(*shape: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(shape[2]))


@pytest.mark.parametrize("scale", [0.0, 1.0, 1000.0])
@pytest.mark.parametrize("with_lora", [False, True])
def test_the_widened_model_puts_out_what_the_base_model_does_whatever_the_new_channels_hold(
    tiny_transformer: CogVideoXTransformer3DModel, scale: float, with_lora: bool
) -> None:
    widened = deepcopy(tiny_transformer)
    widen_patch_embedding(widened, INPUT_CHANNELS)
    if with_lora:
        add_lora(widened, LoraSettings(rank=2, alpha=6), seed=1)
    noisy = random(2, 3, 16, 4, 4)
    more = torch.cat([random(2, 3, 16, 4, 4, scale=-scale), random(2, 3, 1, 4, 4, scale=scale)], dim=2)
    base = velocity(tiny_transformer, noisy)
    assert base.std() > 0.01
    torch.testing.assert_close(velocity(widened, torch.cat([noisy, more], dim=2)), base, rtol=1e-5, atol=1e-6)


def test_the_new_channels_come_last_and_start_at_zero(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    old = deepcopy(tiny_transformer.patch_embed.proj)
    widen_patch_embedding(tiny_transformer, INPUT_CHANNELS)
    new = tiny_transformer.patch_embed.proj
    assert new.weight.shape == (32, 33, 2, 2)
    assert torch.equal(new.weight[:, :16], old.weight)
    assert torch.equal(new.bias, old.bias)
    assert not new.weight[:, 16:].any()
    assert tiny_transformer.config.in_channels == 33


def test_the_new_channels_matter_once_they_are_not_zero(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    widen_patch_embedding(tiny_transformer, INPUT_CHANNELS)
    torch.nn.init.constant_(tiny_transformer.patch_embed.proj.weight, 0.1)
    latents = random(2, 3, 33, 4, 4)
    changed = latents.clone()
    changed[:, :, 32] += 1
    assert not torch.equal(velocity(tiny_transformer, latents), velocity(tiny_transformer, changed))


@pytest.mark.parametrize("channels", [1, 16])
def test_not_widening_is_refused(tiny_transformer: CogVideoXTransformer3DModel, channels: int) -> None:
    with pytest.raises(ValueError, match="takes 16 channels already"):
        widen_patch_embedding(tiny_transformer, channels)


def test_widening_twice_is_refused(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    widen_patch_embedding(tiny_transformer, INPUT_CHANNELS)
    with pytest.raises(ValueError, match="takes 33 channels already"):
        widen_patch_embedding(tiny_transformer, INPUT_CHANNELS)


def test_the_widened_patch_embedding_is_float32_above_a_bfloat16_base(
    tiny_transformer: CogVideoXTransformer3DModel,
) -> None:
    widen_patch_embedding(tiny_transformer.to(torch.bfloat16), INPUT_CHANNELS)
    assert tiny_transformer.patch_embed.proj.weight.dtype == torch.float32
    assert tiny_transformer.patch_embed.proj.bias.dtype == torch.float32
