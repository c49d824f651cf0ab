"""Tiny bases of every model family: diffusers' own classes with random weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import CogVideoXTransformer3DModel
from inpainting.models import bases

FUN = {"in_channels": 33, "add_noise_in_inpaint_model": True}

CONFIGS: dict[str, dict[str, Any]] = {
    "CogVideoX-2b": {},
    "CogVideoX-5b": {"use_rotary_positional_embeddings": True},
    "CogVideoX1.5-5b": {"use_rotary_positional_embeddings": True, "patch_size_t": 2},
    "CogVideoX-Fun-V1.1-2b-InP": FUN,
    "CogVideoX-Fun-V1.1-5b-InP": FUN | {"use_rotary_positional_embeddings": True},
}
"""By the family's name the keys of transformer/config.json that differ from CogVideoX-2b's."""


def inputs(name: str) -> dict[str, str]:
    """The settings of the inputs that a family's bases were trained to inpaint with; none for other families."""
    family = bases.family_named(name)
    return dict(family.unadapted) if family.condition_channels else {}


def write_base(tiny_base: Path, folder: Path, name: str) -> Path:
    """Write a base of a family: the tiny base with another transformer, whose weights are drawn anew."""
    shutil.copytree(tiny_base, folder)
    transformer = folder / "transformer"
    config = json.loads((folder / bases.CONFIG_FILES["transformer"]).read_text())
    shutil.rmtree(transformer)
    torch.manual_seed(1)
    model = CogVideoXTransformer3DModel.from_config({**config, **CONFIGS[name]})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(transformer)
    return folder
