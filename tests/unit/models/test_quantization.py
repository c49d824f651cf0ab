"""The frozen base in 8 bits: near the full base, with LoRA's gradients, the same bits each time, half of the memory."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import families
import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from inpainting.models import base_memory, bases, loading, lora, parity
from inpainting.models.quantization import is_quantized, stored_bytes
from inpainting.models.settings import LoraSettings, Quantization, TransformerSettings
from inpainting.models.shapes import BLOCKS
from inpainting.models.widening import widen_patch_embedding
from torch import Tensor

PROMPT = torch.zeros(1, 4, 8)
CPU = torch.device("cpu")
LARGEST_ERROR = {"int8": 0.002, "fp8": 0.01}
"""RMS of a prediction's error, relative to the prediction of the full base; measured: see docs/bases.md."""

Load = Callable[[str, Quantization | None], CogVideoXTransformer3DModel]


@pytest.fixture
def load(tiny_base: Path, tmp_path: Path) -> Load:
    """Loads a tiny base of a family, by its name, in float32 or quantized from that."""

    def load(name: str, quantization: Quantization | None) -> CogVideoXTransformer3DModel:
        folder = tmp_path / name
        base = folder if folder.exists() else families.write_base(tiny_base, folder, name)
        return loading.load_transformer(str(base), torch.float32, CPU, (4, 4), 9, quantization=quantization)

    return load


def predicted(transformer: CogVideoXTransformer3DModel, name: str) -> Tensor:
    return parity.predict(bases.family_named(name), transformer, PROMPT)


@pytest.mark.parametrize("quantization", LARGEST_ERROR)
@pytest.mark.parametrize("name", families.CONFIGS)
def test_a_quantized_base_predicts_nearly_what_the_full_one_does(
    load: Load, name: str, quantization: Quantization
) -> None:
    full, quantized = (predicted(load(name, kind), name) for kind in (None, quantization))
    error = parity.relative_difference(quantized, full)
    assert 0 < error < LARGEST_ERROR[quantization]


@pytest.mark.parametrize("quantization", LARGEST_ERROR)
def test_only_linear_layers_of_the_blocks_are_quantized(load: Load, quantization: Quantization) -> None:
    transformer = load("CogVideoX1.5-5b", quantization)
    assert is_quantized(transformer) and not is_quantized(load("CogVideoX1.5-5b", None))
    for name, parameter in transformer.named_parameters():
        is_linear_weight = name.startswith(BLOCKS) and parameter.ndim == 2
        values = math.prod(parameter.shape)
        scales = len(parameter) * 5 if is_linear_weight else 0
        assert stored_bytes(parameter) <= values + scales if is_linear_weight else stored_bytes(parameter) == 4 * values


@pytest.mark.parametrize("quantization", [None, *LARGEST_ERROR])
def test_the_plan_counts_the_bytes_that_are_stored(load: Load, quantization: Quantization | None) -> None:
    transformer = load("CogVideoX-5b", quantization)
    stored = sum(map(stored_bytes, transformer.parameters()))
    assert base_memory.stored_bytes(transformer.config, TransformerSettings(quantization=quantization)) == stored


@pytest.mark.parametrize("quantization", LARGEST_ERROR)
def test_quantizing_twice_gives_the_same_bits(load: Load, quantization: Quantization) -> None:
    once, twice = (load("CogVideoX-5b", quantization) for _ in range(2))
    assert torch.equal(predicted(once, "CogVideoX-5b"), predicted(twice, "CogVideoX-5b"))


@pytest.mark.parametrize("targets", [("attention",), ("all_linear",)])
@pytest.mark.parametrize("quantization", LARGEST_ERROR)
def test_gradients_through_quantized_layers_are_those_of_the_weights_that_they_stand_for(
    load: Load, quantization: Quantization, targets: tuple[str, ...]
) -> None:
    """LoRA on a base with the dequantized weights, in full, has the same gradients but for rounding."""
    quantized, dequantized = load("CogVideoX-2b", quantization), load("CogVideoX-2b", None)
    weights: dict[str, Any] = dict(quantized.named_parameters())
    for name, parameter in dequantized.named_parameters():
        if name.startswith(BLOCKS) and parameter.ndim == 2:
            parameter.data = weights[name].dequantize()
    found, expected = (gradients(transformer, targets) for transformer in (quantized, dequantized))
    assert found.keys() == expected.keys()
    assert any(gradient.any() for gradient in found.values())
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7)


def gradients(transformer: CogVideoXTransformer3DModel, targets: tuple[str, ...]) -> dict[str, Tensor]:
    """Gradients of LoRA and of the widened patch embedding, with B set to values other than zero."""
    widen_patch_embedding(transformer, 33)
    lora.add_lora(transformer, LoraSettings(rank=2, alpha=2, targets=targets), seed=0)
    parameters = lora.prepare_training(transformer)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in parameters.items():
            if ".lora_B." in name:
                parameter.normal_(std=0.1, generator=generator)
    inputs = torch.randn(1, 3, 33, 4, 4, generator=generator)
    transformer(inputs, PROMPT, torch.tensor([500]), return_dict=False)[0].square().mean().backward()
    lora.check_gradients(transformer, parameters)
    return {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
