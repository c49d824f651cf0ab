"""LoRA and the patch embedding train, and nothing else."""

from collections.abc import Mapping
from copy import deepcopy

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.errors import UsageError
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.lora import (
    add_lora,
    by_kind,
    check_gradients,
    prepare_training,
    target_layers,
    target_names,
    trainable_table,
)
from inpainting.models.settings import ATTENTION, LoraSettings
from inpainting.models.widening import widen_patch_embedding
from peft.tuners.lora import LoraLayer
from torch.nn import Parameter

INPUT_CHANNELS = ConditionSettings().input_channels(16, COGVIDEOX_2B.geometry)

SETTINGS = LoraSettings(rank=2, alpha=6)
PATCH = ("patch_embed.proj.weight", "patch_embed.proj.bias")


def prepared(
    transformer: CogVideoXTransformer3DModel, settings: LoraSettings = SETTINGS, seed: int = 0
) -> dict[str, Parameter]:
    widen_patch_embedding(transformer, INPUT_CHANNELS)
    add_lora(transformer, settings, seed)
    return prepare_training(transformer)


def backward(transformer: CogVideoXTransformer3DModel) -> None:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn((2, 3, INPUT_CHANNELS, 4, 4), generator=generator)
    text = torch.randn((2, 4, 8), generator=generator)
    output = transformer(latents, text, torch.tensor([100, 900]), return_dict=False)[0]
    output.square().mean().backward()


def gradients(parameters: Mapping[str, Parameter], part: str) -> dict[str, torch.Tensor]:
    found = {name: p.grad for name, p in parameters.items() if part in name}
    assert found
    return {name: gradient for name, gradient in found.items() if gradient is not None}


def test_only_lora_and_the_patch_embedding_train(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    parameters = prepared(tiny_transformer)
    layers = [f"transformer_blocks.{block}.attn1.{target}" for block in range(2) for target in ATTENTION]
    expected = {f"{layer}.lora_{matrix}.default.weight" for layer in layers for matrix in "AB"} | set(PATCH)
    assert set(parameters) == expected
    assert {name for name, p in tiny_transformer.named_parameters() if p.requires_grad} == expected


def test_the_table_lists_what_trains(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    parameters = prepared(tiny_transformer)
    table = trainable_table(parameters).set_index("name")
    assert list(table.index) == list(parameters)
    assert list(table.loc[PATCH[0]]) == ["32x33x2x2", 32 * 33 * 4, "float32"]
    assert table["weights"].sum() == 32 * 33 * 4 + 32 + 2 * 4 * 2 * (2 * 32)


def test_gradients_reach_b_first_then_a_and_nothing_frozen(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    parameters = prepared(tiny_transformer)
    backward(tiny_transformer)
    assert all(gradient.any() for gradient in gradients(parameters, ".lora_B.").values())
    assert not any(gradient.any() for gradient in gradients(parameters, ".lora_A.").values())
    assert len(gradients(parameters, ".lora_A.")) == 8
    patch = gradients(parameters, PATCH[0])[PATCH[0]]
    assert patch.abs().amax(dim=(0, 2, 3)).gt(0).all()
    assert gradients(parameters, PATCH[1])[PATCH[1]].any()
    frozen = [p for name, p in tiny_transformer.named_parameters() if name not in parameters]
    assert frozen
    assert all(p.grad is None for p in frozen)

    optimizer = torch.optim.AdamW(parameters.values(), lr=0.01)
    optimizer.step()
    optimizer.zero_grad()
    backward(tiny_transformer)
    assert all(gradient.any() for gradient in gradients(parameters, ".lora_A.").values())


def test_an_update_leaves_frozen_weights_as_they_are(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    parameters = prepared(tiny_transformer)
    before = {name: p.detach().clone() for name, p in tiny_transformer.named_parameters()}
    backward(tiny_transformer)
    torch.optim.AdamW(parameters.values(), lr=0.01, weight_decay=0.1).step()
    changed = {name for name, p in tiny_transformer.named_parameters() if not torch.equal(p, before[name])}
    assert changed == set(parameters)


def test_the_start_of_a_depends_on_the_seed_alone(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    models = [deepcopy(tiny_transformer) for _ in range(3)]
    torch.manual_seed(1)
    first = prepared(models[0], seed=7)
    torch.manual_seed(2)
    same, other = prepared(models[1], seed=7), prepared(models[2], seed=8)
    name = "transformer_blocks.0.attn1.to_q.lora_A.default.weight"
    assert torch.equal(first[name], same[name])
    assert not torch.equal(first[name], other[name])
    assert not any(p.any() for name, p in first.items() if ".lora_B." in name)


def test_adding_lora_leaves_the_global_random_state_alone(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    state = torch.get_rng_state()
    add_lora(tiny_transformer, SETTINGS, seed=3)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_scale_is_alpha_over_rank(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    add_lora(tiny_transformer, SETTINGS, seed=0)
    assert tiny_transformer.transformer_blocks[0].attn1.to_q.scaling == {"default": 3.0}


def test_wide_targets_reach_feed_forward_norms_and_output(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    targets = (*ATTENTION, "ff.net.0.proj", "ff.net.2", "norm1.linear", "norm2.linear", "proj_out")
    parameters = prepared(tiny_transformer, LoraSettings(rank=2, alpha=2, targets=targets))
    for target in targets:
        assert any(f"{target}.lora_B." in name for name in parameters), target


@pytest.mark.parametrize(
    ("targets", "layers", "has", "lacks"),
    [
        (("attention",), 8, "attn1.to_out.0", "ff.net.2"),
        (("attention+ff",), 12, "ff.net.2", "norm1.linear"),
        (("attention", "ff.net.2", "to_q"), 10, "ff.net.2", "ff.net.0.proj"),
        (("all_linear",), 21, "time_embedding.linear_1", "patch_embed.proj"),
    ],
)
def test_presets_stand_for_layers(
    tiny_transformer: CogVideoXTransformer3DModel, targets: tuple[str, ...], layers: int, has: str, lacks: str
) -> None:
    settings = LoraSettings(rank=2, alpha=2, targets=targets)
    found = target_layers(tiny_transformer, settings)
    assert len(found) == layers
    assert any(name.endswith(has) for name in found)
    assert not any(name.endswith(lacks) for name in found)
    parameters = prepared(tiny_transformer, settings)
    assert {name.partition(".lora_")[0] for name in parameters if ".lora_" in name} == found
    backward(tiny_transformer)
    check_gradients(tiny_transformer, parameters)


def test_the_defaults_are_attention(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    assert target_names(tiny_transformer, LoraSettings()) == ATTENTION


def test_a_gradient_where_none_should_be_and_one_that_lacks_are_found(
    tiny_transformer: CogVideoXTransformer3DModel,
) -> None:
    parameters = prepared(tiny_transformer)
    backward(tiny_transformer)
    check_gradients(tiny_transformer, parameters)
    missing = parameters["patch_embed.proj.bias"].grad
    parameters["patch_embed.proj.bias"].grad = None
    with pytest.raises(AssertionError, match=r"without a gradient: \['patch_embed.proj.bias'\]"):
        check_gradients(tiny_transformer, parameters)
    parameters["patch_embed.proj.bias"].grad = missing
    tiny_transformer.proj_out.weight.grad = torch.zeros_like(tiny_transformer.proj_out.weight)
    with pytest.raises(AssertionError, match=r"frozen weights with a gradient: \['proj_out.weight'\]"):
        check_gradients(tiny_transformer, parameters)


def test_the_table_by_kind_counts_the_blocks_together(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    table = trainable_table(prepared(tiny_transformer))
    kinds = by_kind(table).set_index("name")
    assert list(kinds.loc["attn1.to_q.lora_A"]) == ["2x32", 2, 2 * 2 * 32]
    assert kinds["weights"].sum() == table["weights"].sum()
    assert len(kinds) == 8 + 2


def test_the_rank_stabilised_scale_is_alpha_over_the_ranks_root(
    tiny_transformer: CogVideoXTransformer3DModel,
) -> None:
    add_lora(tiny_transformer, LoraSettings(rank=4, alpha=6, rslora=True), seed=0)
    assert tiny_transformer.transformer_blocks[0].attn1.to_q.scaling == {"default": 3.0}


def test_dropout_drops_in_training_alone(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    prepared(tiny_transformer, LoraSettings(rank=2, alpha=2, lora_dropout=0.5))
    layer = tiny_transformer.transformer_blocks[0].attn1.to_q
    torch.nn.init.ones_(layer.lora_B["default"].weight)
    ones = torch.ones(1, 32)
    tiny_transformer.train()
    assert not torch.equal(layer(ones), layer(ones))
    tiny_transformer.eval()
    assert torch.equal(layer(ones), layer(ones))


def test_dora_trains_the_length_of_each_row_of_a_weight_too_and_starts_as_the_base_model(
    tiny_transformer: CogVideoXTransformer3DModel,
) -> None:
    before = tiny_transformer.transformer_blocks[0].attn1.to_q.weight.detach().clone()
    latents = torch.randn((1, 3, 16, 4, 4), generator=torch.Generator().manual_seed(0))
    inputs = {"encoder_hidden_states": torch.zeros(1, 4, 8), "timestep": torch.tensor([300]), "return_dict": False}
    with torch.no_grad():
        base = tiny_transformer(latents, **inputs)[0]
    add_lora(tiny_transformer, LoraSettings(rank=2, alpha=2, dora=True), seed=0)
    with torch.no_grad():
        torch.testing.assert_close(tiny_transformer(latents, **inputs)[0], base, rtol=1e-4, atol=1e-5)
    parameters = prepare_training(tiny_transformer)
    lengths = parameters["transformer_blocks.0.attn1.to_q.lora_magnitude_vector.default.weight"]
    torch.testing.assert_close(lengths.detach(), before.norm(dim=1))


@pytest.mark.parametrize("target", ["to_z", "o_q", "norm1", "patch_embed.proj", "proj", "0"])
def test_a_target_that_names_no_linear_layers_is_refused(
    tiny_transformer: CogVideoXTransformer3DModel, target: str
) -> None:
    with pytest.raises(UsageError, match=f"--targets: {target} "):
        add_lora(tiny_transformer, LoraSettings(targets=("to_q", target)), seed=0)


def test_what_trains_is_float32_above_a_bfloat16_base(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    parameters = prepared(tiny_transformer.to(torch.bfloat16))
    assert {p.dtype for p in parameters.values()} == {torch.float32}
    frozen = {p.dtype for name, p in tiny_transformer.named_parameters() if name not in parameters}
    assert frozen == {torch.bfloat16}


def test_without_pefts_casts_autocast_computes_the_same_bits(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    parameters = prepared(tiny_transformer, SETTINGS.model_copy(update={"targets": ("all_linear",)}))
    layers = [module for module in tiny_transformer.modules() if isinstance(module, LoraLayer)]
    generator, found = torch.Generator().manual_seed(0), []
    for name, parameter in parameters.items():
        if ".lora_B." in name:
            parameter.data.normal_(generator=generator)
    assert layers and not any(layer.cast_input_dtype_enabled for layer in layers)
    for casts in (False, True):
        for layer in layers:
            layer.cast_input_dtype_enabled = casts
        tiny_transformer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            backward(tiny_transformer)
        found.append({name: p.grad for name, p in parameters.items() if p.grad is not None})
    without, with_casts = found
    assert without.keys() == with_casts.keys() == parameters.keys()
    assert [name for name in without if not torch.equal(without[name], with_casts[name])] == []


def test_dora_keeps_pefts_casts(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    prepared(tiny_transformer, SETTINGS.model_copy(update={"dora": True}))
    layers = [module for module in tiny_transformer.modules() if isinstance(module, LoraLayer)]
    assert layers and all(layer.cast_input_dtype_enabled for layer in layers)
