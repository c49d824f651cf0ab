"""The trained adapter as a folder: LoRA, the widened patch embedding, the prompt and what inference must know.

pytorch_lora_weights.safetensors   LoRA in diffusers' layout, its configuration (with alpha) in the metadata
widened.safetensors                the widened patch embedding, which `load_lora_weights` would refuse; not with
                                   `conditioning: replace`, which widens nothing
prompt.safetensors                 the text embedding that was trained with, so that inference needs no text encoder
inpainting.json                    AdapterConfig
"""

from pathlib import Path
from typing import Annotated

import torch
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inpainting.artifacts.prompt import write_prompt
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import atomic_path, read_json, write_json
from inpainting.core.settings import Role, Settings
from inpainting.core.tensor_files import sort_metadata
from inpainting.models.adapter_files import CONFIG_FILE, LORA_FILE, PROMPT_FILE, WIDENED_FILE
from inpainting.models.lora import lora_to_float32, target_layers
from inpainting.models.settings import ConditionSettings, LoraSettings
from inpainting.models.widening import is_widened, widen_patch_embedding
from inpainting.video.settings import MaskSettings, WindowSettings

PATCH_EMBEDDING = ("patch_embed.proj.weight", "patch_embed.proj.bias")


class AdapterConfig(Settings):
    """What was trained against, and how masks become conditions: inference takes them from here, never from options."""

    base: Annotated[str, Role.PLACE]
    """The base model's folder or hub name, as training was given it."""
    transformer_digest: Annotated[str, Role.ARCHITECTURE]
    """Digest of the base transformer's files."""
    random_base: Annotated[int | None, Role.ARCHITECTURE] = None
    """Seed of the fresh random weights that stood for the base's own; None where the base's own were used."""
    vae_digest: str
    """Digest of the VAE's files."""
    channels: Annotated[int, Role.ARCHITECTURE]
    """Input channels of the transformer: noisy latents and, where it is widened, condition latents and mask."""
    masks: MaskSettings
    """From mask images to the hole."""
    windows: WindowSettings
    """How sequences were cut."""
    condition: ConditionSettings
    """What the model is told of a clip."""
    lora: LoraSettings
    """The LoRA layers."""
    sampling_steps: int | None = Field(None, ge=1)
    """Denoising steps that validation chose, and that are taken unless others are asked for; None before it did."""


def save_adapter(folder: Path, transformer: CogVideoXTransformer3DModel, config: AdapterConfig, prompt: Tensor) -> None:
    """Write the adapter folder, complete or not at all. prompt: float [1, tokens, width]."""
    metadata = transformer.peft_config["default"].to_dict()
    metadata = {k: sorted(v) if isinstance(v, set) else v for k, v in metadata.items()}
    state = transformer.state_dict()
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        CogVideoXPipeline.save_lora_weights(
            temporary,
            transformer_lora_layers=get_peft_model_state_dict(transformer),
            transformer_lora_adapter_metadata=metadata,
        )
        sort_metadata(temporary / LORA_FILE)
        if is_widened(transformer):
            save_file({name: state[name].contiguous() for name in PATCH_EMBEDDING}, temporary / WIDENED_FILE)
        write_prompt(temporary / PROMPT_FILE, prompt)
        write_json(temporary / CONFIG_FILE, config.model_dump(mode="json"))


def read_adapter_config(folder: Path) -> AdapterConfig:
    """The adapter's configuration; raises InputError when the folder is no adapter."""
    _refuse_missing(folder, LORA_FILE, PROMPT_FILE, CONFIG_FILE)
    try:
        config = AdapterConfig.model_validate(read_json(folder / CONFIG_FILE))
    except ValueError as error:
        raise InputError(f"{folder}: {CONFIG_FILE} is damaged or of another version ({_first_line(error)})") from error
    if config.condition.widens:
        _refuse_missing(folder, WIDENED_FILE)
    return config


def _refuse_missing(folder: Path, *names: str) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} is not an adapter: {', '.join(missing)} missing; give a folder that training wrote")


def load_adapter(transformer: CogVideoXTransformer3DModel, folder: Path) -> None:
    """Widen the transformer, if the adapter did, and load what was trained, in float32 whatever the base's precision.

    A transformer that is as wide already, as pipelines save it, is not widened again. Every tensor must arrive, bit for
    bit, and LoRA's scale be the one that was trained; raises InputError otherwise.
    """
    config = read_adapter_config(folder)
    try:
        layers = target_layers(transformer, config.lora)
        stored = {name.removeprefix("transformer."): t for name, t in load_file(folder / LORA_FILE).items()}
        widened = load_file(folder / WIDENED_FILE) if config.condition.widens else {}
        if config.condition.widens and transformer.config.in_channels == config.channels:
            transformer.patch_embed.proj.float()
        elif config.condition.widens:
            widen_patch_embedding(transformer, config.channels)
        transformer.load_state_dict(widened, strict=False)
        transformer.load_lora_adapter(folder, prefix="transformer", weight_name=LORA_FILE, adapter_name="default")
    except (UsageError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise InputError(f"{folder} is damaged or does not fit the base model ({_first_line(error)})") from error
    if lora_to_float32(transformer):
        set_peft_model_state_dict(transformer, dict(stored))
    if layers != {name.rpartition(".lora_")[0] for name in stored}:
        raise InputError(f"{folder}: its LoRA is not in the layers that {CONFIG_FILE} names")
    _check_arrived(transformer, folder, config, stored | widened)


def _check_arrived(
    transformer: CogVideoXTransformer3DModel,
    folder: Path,
    config: AdapterConfig,
    expected: dict[str, Tensor],
) -> None:
    arrived = get_peft_model_state_dict(transformer)
    if config.condition.widens:
        arrived |= {name: transformer.get_parameter(name) for name in PATCH_EMBEDDING}
    if expected.keys() != arrived.keys():
        odd = sorted(expected.keys() ^ arrived.keys())[:3]
        raise InputError(f"{folder}: its layers do not fit the base model, e.g. {', '.join(odd)}")
    for name, tensor in expected.items():
        if not torch.equal(arrived[name].detach().cpu(), tensor):
            raise InputError(f"{folder}: {name} did not load as it was saved")
    loaded = transformer.peft_config["default"]
    scales = {
        "alpha": (loaded.lora_alpha, config.lora.alpha),
        "rank": (loaded.r, config.lora.rank),
        "rslora": (loaded.use_rslora, config.lora.rslora),
        "dora": (loaded.use_dora, config.lora.dora),
    }
    for name, (found, trained) in scales.items():
        if found != trained:
            raise InputError(f"{folder}: LoRA loaded with {name} {found}, but {trained} was trained")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
