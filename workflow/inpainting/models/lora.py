"""LoRA in the transformer's linear layers; besides it, only the widened patch embedding trains."""

from typing import Any

import pandas as pd
import torch
from diffusers import CogVideoXTransformer3DModel
from peft import LoraConfig
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


def add_lora(transformer: CogVideoXTransformer3DModel, settings: LoraSettings, seed: int) -> None:
    """Put LoRA into the target layers, in float32; raises UsageError for a target that no layer is named after."""
    names = [name for name, _ in transformer.named_modules()]
    for target in settings.targets:
        if not any(name == target or name.endswith("." + target) for name in names):
            raise UsageError(f"--targets: no layer's name ends in {target!r}; to_q and ff.net.0.proj are examples")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer.add_adapter(lora_config(settings))


def prepare_training(transformer: CogVideoXTransformer3DModel) -> dict[str, Parameter]:
    """Freeze all but LoRA and the patch embedding; returns what trains, by name, all of it float32."""
    for name, parameter in transformer.named_parameters():
        trains = ".lora_" in name or name.startswith("patch_embed.proj.")
        parameter.requires_grad_(trains)
        if trains:
            parameter.data = parameter.data.float()
    return {name: p for name, p in transformer.named_parameters() if p.requires_grad}


def trainable_table(parameters: dict[str, Parameter]) -> pd.DataFrame:
    """A row per trained tensor: name, shape, weights (count), dtype."""
    rows: list[dict[str, Any]] = [
        {"name": name, "shape": "x".join(map(str, p.shape)), "weights": p.numel(), "dtype": str(p.dtype)[6:]}
        for name, p in parameters.items()
    ]
    return pd.DataFrame(rows, columns=["name", "shape", "weights", "dtype"])
