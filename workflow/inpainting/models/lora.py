"""LoRA in the transformer's linear layers; besides it, only the widened patch embedding trains."""

from typing import Any

import pandas as pd
import torch
from diffusers import CogVideoXTransformer3DModel
from peft import LoraConfig
from torch import nn
from torch.nn import Parameter

from inpainting.errors import UsageError
from inpainting.models.settings import LoraSettings


def lora_config(settings: LoraSettings) -> LoraConfig:
    """peft's configuration; A starts random and B at zero, so that the first output is the base model's."""
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=list(settings.targets),
        init_lora_weights=True,
    )


def target_layers(transformer: CogVideoXTransformer3DModel, settings: LoraSettings) -> set[str]:
    """Names of the layers that LoRA goes into; raises UsageError for a target that names none, or not linear ones."""
    layers = set()
    for target in settings.targets:
        found = {n: m for n, m in transformer.named_modules() if n == target or n.endswith("." + target)}
        kinds = {type(module) for module in found.values()}
        if kinds != {nn.Linear}:
            names = "layers of that name are " + ", ".join(sorted(kind.__name__ for kind in kinds))
            raise UsageError(
                f"--targets: {target} should end the names of linear layers, but "
                f"{names if kinds else 'there is none'}; to_q and ff.net.0.proj are examples"
            )
        layers |= set(found)
    return layers


def add_lora(transformer: CogVideoXTransformer3DModel, settings: LoraSettings, seed: int) -> None:
    """Put LoRA into the target layers, in float32; raises UsageError for targets that `target_layers` refuses."""
    target_layers(transformer, settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer.add_adapter(lora_config(settings))
    lora_to_float32(transformer)


def lora_to_float32(transformer: CogVideoXTransformer3DModel) -> bool:
    """Raise LoRA's weights, which peft makes in the base weights' precision, to float32; whether any were lower."""
    lower = [p for name, p in transformer.named_parameters() if ".lora_" in name and p.dtype != torch.float32]
    for parameter in lower:
        parameter.data = parameter.data.float()
    return bool(lower)


def prepare_training(transformer: CogVideoXTransformer3DModel) -> dict[str, Parameter]:
    """Freeze all but LoRA and the patch embedding; returns what trains, by name."""
    for name, parameter in transformer.named_parameters():
        parameter.requires_grad_(".lora_" in name or name.startswith("patch_embed.proj."))
    return {name: p for name, p in transformer.named_parameters() if p.requires_grad}


def trainable_table(parameters: dict[str, Parameter]) -> pd.DataFrame:
    """A row per trained tensor: name, shape, weights (count), dtype."""
    rows: list[dict[str, Any]] = [
        {"name": name, "shape": "x".join(map(str, p.shape)), "weights": p.numel(), "dtype": str(p.dtype)[6:]}
        for name, p in parameters.items()
    ]
    return pd.DataFrame(rows, columns=["name", "shape", "weights", "dtype"])
