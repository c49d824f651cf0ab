from collections.abc import Mapping
from pathlib import Path
from typing import Any

import families
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from inpainting.core.errors import UsageError
from inpainting.models import bases, lora
from inpainting.models.loading import load_transformer
from inpainting.models.published import TRANSFORMER, TRANSFORMERS, VAE
from inpainting.models.settings import LoraSettings
from inpainting.models.shapes import (
    count,
    lora_shapes,
    read_base,
    tokens,
    transformer_shapes,
    vae_weights,
    widened_shapes,
)
from inpainting.models.widening import widen_patch_embedding

NANO = Path(__file__).parents[3] / "models" / "nano"


def on_meta(config: Mapping[str, Any]) -> CogVideoXTransformer3DModel:
    with torch.device("meta"):
        return CogVideoXTransformer3DModel.from_config(dict(config))


def sizes(parameters: Mapping[str, torch.nn.Parameter]) -> list[tuple[int, ...]]:
    return sorted(tuple(parameter.shape) for parameter in parameters.values())


@pytest.mark.parametrize(
    "config",
    [*(TRANSFORMER | changes for changes in TRANSFORMERS.values()), read_base(str(NANO)).transformer],
    ids=[*TRANSFORMERS, "nano"],
)
def test_a_transformers_weights_have_the_names_and_shapes_that_diffusers_gives_them(config: dict[str, Any]) -> None:
    built = {name: tuple(parameter.shape) for name, parameter in on_meta(config).named_parameters()}
    assert transformer_shapes(config) == built


def test_2b_has_the_published_number_of_weights() -> None:
    assert count(transformer_shapes(TRANSFORMER)) / 1e9 == pytest.approx(1.694, abs=5e-4)
    assert vae_weights(VAE) / 1e6 == pytest.approx(215.6, abs=0.5)


@pytest.mark.parametrize("name", ["CogVideoX-5b", "CogVideoX1.5-5B", "CogVideoX-Fun-V1.1-5b-InP"])
def test_5b_has_the_published_number_of_weights(name: str) -> None:
    assert count(transformer_shapes(TRANSFORMER | TRANSFORMERS[name])) / 1e9 == pytest.approx(5.57, abs=5e-3)


def test_every_family_has_published_shapes() -> None:
    assert {name.lower() for name in TRANSFORMERS} == {family.name.lower() for family in bases.FAMILIES}


def test_a_base_that_is_not_downloaded_has_its_published_shapes_and_an_unknown_one_2bs() -> None:
    inpainting, unknown = read_base("someone/CogVideoX-Fun-V1.1-2b-InP"), read_base("someone/else")
    assert (inpainting.transformer["in_channels"], inpainting.to_download) == (33, True)
    assert inpainting.source == "CogVideoX-Fun-V1.1-2b-InP's published shapes"
    assert widened_shapes(inpainting.transformer, 33) == {}
    assert (unknown.transformer, unknown.source) == (TRANSFORMER, "CogVideoX-2b's published shapes")


def test_tokens_of_two_latent_frames_are_half_as_many() -> None:
    config = TRANSFORMER | TRANSFORMERS["CogVideoX1.5-5B"]
    assert tokens(config, 13, 60, 80) - 226 == 7 * 30 * 40
    assert tokens(TRANSFORMER, 13, 60, 80) - 226 == 13 * 30 * 40


@pytest.mark.parametrize("name", families.CONFIGS)
def test_what_training_a_family_trains_has_the_shapes_of_the_plan(tiny_base: Path, tmp_path: Path, name: str) -> None:
    base = str(families.write_base(tiny_base, tmp_path / "base", name))
    transformer = load_transformer(base, torch.float32, torch.device("cpu"))
    settings, config = LoraSettings(rank=2, targets=("all_linear",)), read_base(base).transformer
    channels = 16 + (bases.family_named(name).condition_channels or 17)
    planned = lora_shapes(config, settings) | widened_shapes(config, channels)
    if transformer.config.in_channels < channels:
        widen_patch_embedding(transformer, channels)
    lora.add_lora(transformer, settings, seed=0)
    assert sorted(planned.values()) == sizes(lora.prepare_training(transformer))


@pytest.mark.parametrize(
    "settings",
    [
        LoraSettings(rank=4, targets=("attention",)),
        LoraSettings(rank=3, targets=("attention+ff", "norm1.linear")),
        LoraSettings(rank=2, targets=("all_linear",)),
        LoraSettings(rank=2, targets=("to_q",), dora=True),
    ],
    ids=lambda settings: "+".join(settings.targets),
)
def test_lora_and_the_widened_layer_have_the_shapes_that_training_gives_them(
    settings: LoraSettings, tiny_transformer: CogVideoXTransformer3DModel
) -> None:
    config = {**TRANSFORMER, **tiny_transformer.config}
    planned = lora_shapes(config, settings) | widened_shapes(config, 33)
    widen_patch_embedding(tiny_transformer, 33)
    lora.add_lora(tiny_transformer, settings, seed=0)
    assert sorted(planned.values()) == sizes(lora.prepare_training(tiny_transformer))


def test_a_base_that_is_not_widened_trains_lora_alone() -> None:
    assert widened_shapes(TRANSFORMER, 16) == {}


def test_a_target_that_no_layer_has_is_refused() -> None:
    with pytest.raises(UsageError, match=r"training\.targets: to_x was given"):
        lora_shapes(TRANSFORMER, LoraSettings(targets=("to_x",)))


@pytest.mark.parametrize("config", [VAE, read_base(str(NANO)).vae], ids=["2b", "nano"])
def test_a_vaes_weights_are_those_of_diffusers_but_for_the_norms(config: dict[str, Any]) -> None:
    kinds = {f"{way}_block_types": (f"CogVideoX{way.title()}Block3D",) * 4 for way in ("down", "up")}
    with torch.device("meta"):
        vae = AutoencoderKLCogVideoX.from_config({**config, **kinds})
    assert vae_weights(config) == pytest.approx(sum(p.numel() for p in vae.parameters()), rel=0.005)


def test_a_hub_name_that_was_not_downloaded_has_the_published_shapes() -> None:
    base = read_base("nobody/never-downloaded")
    assert base.to_download and base.transformer == TRANSFORMER
