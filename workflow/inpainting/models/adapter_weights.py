"""Adapter weights on disk: LoRA in diffusers' format, and the widened patch embedding in a file of its own."""

from pathlib import Path

import torch
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inpainting.core.errors import InputError, UsageError, first_line
from inpainting.core.tensor_files import sort_metadata
from inpainting.models.adapter_files import CONFIG_FILE, LORA_FILE, WIDENED_FILE
from inpainting.models.lora import lora_to_float32, target_layers
from inpainting.models.settings import LoraSettings
from inpainting.models.shapes import PATCH_EMBEDDING
from inpainting.models.widening import is_widened, widen_patch_embedding

WIDENED_WEIGHTS = (f"{PATCH_EMBEDDING}.weight", f"{PATCH_EMBEDDING}.bias")


def save_weights(folder: Path, transformer: CogVideoXTransformer3DModel) -> None:
    """Write the transformer's LoRA, and its patch embedding if it was widened, into an existing folder."""
    metadata = transformer.peft_config["default"].to_dict()
    metadata = {k: sorted(v) if isinstance(v, set) else v for k, v in metadata.items()}
    CogVideoXPipeline.save_lora_weights(
        folder,
        transformer_lora_layers=get_peft_model_state_dict(transformer),
        transformer_lora_adapter_metadata=metadata,
    )
    sort_metadata(folder / LORA_FILE)
    if is_widened(transformer):
        state = transformer.state_dict()
        save_file({name: state[name].contiguous() for name in WIDENED_WEIGHTS}, folder / WIDENED_FILE)


def load_weights(
    transformer: CogVideoXTransformer3DModel, folder: Path, lora: LoraSettings, channels: int, widened: bool
) -> None:
    """Load what `save_weights` wrote, in float32 whatever the base's precision; in place.

    lora: the settings it was trained with; channels: input channels of the trained transformer; widened: whether the
    patch embedding was trained, so that the transformer is widened to `channels` first.
    Raises InputError unless every tensor is loaded bit for bit, with the LoRA scale that was trained.
    """
    try:
        layers = target_layers(transformer, lora)
        stored = {name.removeprefix("transformer."): t for name, t in load_file(folder / LORA_FILE).items()}
        patch = load_file(folder / WIDENED_FILE) if widened else {}
        if widened:
            widen_patch_embedding(transformer, channels)
        transformer.load_state_dict(patch, strict=False)
        transformer.load_lora_adapter(folder, prefix="transformer", weight_name=LORA_FILE, adapter_name="default")
    except (UsageError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise InputError(f"{folder} is damaged or does not fit the base model ({first_line(error)})") from error
    if lora_to_float32(transformer):
        set_peft_model_state_dict(transformer, dict(stored))
    if layers != {name.rpartition(".lora_")[0] for name in stored}:
        raise InputError(f"{folder}: its LoRA layers are not those that {CONFIG_FILE} names")
    loaded = get_peft_model_state_dict(transformer)
    if widened:
        loaded |= {name: transformer.get_parameter(name) for name in WIDENED_WEIGHTS}
    _check_tensors(folder, stored | patch, loaded)
    _check_scale(folder, transformer, lora)


def _check_tensors(folder: Path, expected: dict[str, Tensor], loaded: dict[str, Tensor]) -> None:
    if expected.keys() != loaded.keys():
        differing = sorted(expected.keys() ^ loaded.keys())[:3]
        raise InputError(f"{folder}: its layers do not fit the base model, e.g. {', '.join(differing)}")
    for name, tensor in expected.items():
        if not torch.equal(loaded[name].detach().cpu(), tensor):
            raise InputError(f"{folder}: {name} did not load as it was saved")


def _check_scale(folder: Path, transformer: CogVideoXTransformer3DModel, lora: LoraSettings) -> None:
    loaded = transformer.peft_config["default"]
    scales = {
        "alpha": (loaded.lora_alpha, lora.alpha),
        "rank": (loaded.r, lora.rank),
        "rslora": (loaded.use_rslora, lora.rslora),
        "dora": (loaded.use_dora, lora.dora),
    }
    for name, (found, trained) in scales.items():
        if found != trained:
            raise InputError(f"{folder}: LoRA was loaded with {name} {found}, but trained with {trained}")
