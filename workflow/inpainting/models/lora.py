"""LoRA in the transformer's linear layers. Only LoRA and the widened patch embedding are trained."""

import re
from typing import Any

import pandas as pd
import torch
from diffusers import CogVideoXTransformer3DModel
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch import nn
from torch.nn import Parameter

from inpainting.core.errors import UsageError
from inpainting.models.settings import PRESETS, LoraSettings
from inpainting.models.shapes import PATCH_EMBEDDING
from inpainting.models.widening import is_widened

BLOCK = re.compile(r"^transformer_blocks\.\d+\.")


def lora_config(transformer: CogVideoXTransformer3DModel, settings: LoraSettings) -> LoraConfig:
    """peft's configuration; A is initialised randomly and B with zeros, so that the first output is the base's."""
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=list(target_names(transformer, settings)),
        lora_dropout=settings.lora_dropout,
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        init_lora_weights=True,
    )


def target_names(transformer: CogVideoXTransformer3DModel, settings: LoraSettings) -> tuple[str, ...]:
    """Endings of the names of the target layers, with presets and all_linear expanded, without duplicates."""
    names: dict[str, None] = {}
    for target in settings.targets:
        if target == "all_linear":
            linear = [name for name, module in transformer.named_modules() if isinstance(module, nn.Linear)]
            names |= dict.fromkeys(BLOCK.sub("", name) for name in linear if name != PATCH_EMBEDDING)
        else:
            names |= dict.fromkeys(PRESETS.get(target, (target,)))
    return tuple(names)


def target_layers(transformer: CogVideoXTransformer3DModel, settings: LoraSettings) -> set[str]:
    """Names of the layers that get LoRA; raises UsageError for a target that matches no or not only linear layers."""
    layers = set()
    for target in target_names(transformer, settings):
        found = {n: m for n, m in transformer.named_modules() if n == target or n.endswith("." + target)}
        kinds = {type(module) for module in found.values()}
        if kinds != {nn.Linear}:
            names = "layers of that name are " + ", ".join(sorted(kind.__name__ for kind in kinds))
            raise UsageError(
                f"--targets: {target} should end the names of linear layers, but "
                f"{names if kinds else 'there is none'}; {', '.join(PRESETS)}, all_linear, to_q and ff.net.0.proj are "
                "examples"
            )
        layers |= set(found)
    return layers


def add_lora(transformer: CogVideoXTransformer3DModel, settings: LoraSettings, seed: int) -> None:
    """Add LoRA in float32 to the target layers; in place. Raises UsageError as `target_layers` does."""
    target_layers(transformer, settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer.add_adapter(lora_config(transformer, settings))
    lora_to_float32(transformer)


def without_lora(transformer: CogVideoXTransformer3DModel) -> CogVideoXTransformer3DModel:
    """A transformer that shares the weights, without LoRA. Only for saving: its position table has no values."""
    with torch.device("meta"):
        plain = CogVideoXTransformer3DModel.from_config(transformer.config)
    weights = {n.replace(".base_layer.", "."): p for n, p in transformer.state_dict().items() if ".lora_" not in n}
    plain.load_state_dict(weights, assign=True)
    return plain


def lora_to_float32(transformer: CogVideoXTransformer3DModel) -> bool:
    """Convert LoRA weights, which peft creates in the base's precision, to float32; returns whether any changed."""
    lower = [p for name, p in transformer.named_parameters() if ".lora_" in name and p.dtype != torch.float32]
    for parameter in lower:
        parameter.data = parameter.data.float()
    return bool(lower)


def prepare_training(transformer: CogVideoXTransformer3DModel) -> dict[str, Parameter]:
    """Freeze all but LoRA and a widened patch embedding; returns the trainable parameters by name.

    The transformer must compute under autocast from now on, unless it is in float32: peft would convert the inputs of
    LoRA's layers to float32, only for autocast to convert them back. The results are bit-identical without; DoRA's
    would not be, and keep the conversion.
    """
    for module in transformer.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = bool(module.lora_variant)
    widened = is_widened(transformer)
    for name, parameter in transformer.named_parameters():
        parameter.requires_grad_(".lora_" in name or (widened and name.startswith(f"{PATCH_EMBEDDING}.")))
    return trainable_parameters(transformer)


def trainable_parameters(transformer: CogVideoXTransformer3DModel) -> dict[str, Parameter]:
    """The trainable parameters by name."""
    return {name: p for name, p in transformer.named_parameters() if p.requires_grad}


def check_gradients(transformer: CogVideoXTransformer3DModel, parameters: dict[str, Parameter]) -> None:
    """After a backward pass, raise AssertionError unless exactly the trainable parameters have a gradient."""
    found = {name for name, parameter in transformer.named_parameters() if parameter.grad is not None}
    assert found == parameters.keys(), (
        f"trainable weights without a gradient: {sorted(parameters.keys() - found)[:5]}; "
        f"frozen weights with a gradient: {sorted(found - parameters.keys())[:5]}"
    )


def trainable_table(parameters: dict[str, Parameter]) -> pd.DataFrame:
    """A row per trainable tensor: name, shape, weights (count), dtype."""
    rows: list[dict[str, Any]] = [
        {"name": name, "shape": "x".join(map(str, p.shape)), "weights": p.numel(), "dtype": str(p.dtype)[6:]}
        for name, p in parameters.items()
    ]
    return pd.DataFrame(rows, columns=["name", "shape", "weights", "dtype"])


def by_kind(table: pd.DataFrame) -> pd.DataFrame:
    """A trainable table with one row for equal tensors of all blocks: name, shape, tensors (count), weights."""
    kinds = table.assign(name=table["name"].str.replace(BLOCK, "", regex=True).str.replace(".default.weight", ""))
    grouped = kinds.groupby(["name", "shape"], sort=False)["weights"].agg(tensors="count", weights="sum")
    return grouped.reset_index()
