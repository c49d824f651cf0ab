"""The trained adapter as a folder: LoRA, the widened patch embedding, the prompt and what inference must know.

pytorch_lora_weights.safetensors   LoRA in diffusers' layout, its configuration (with alpha) in the metadata
widened.safetensors                the widened patch embedding, which `load_lora_weights` would refuse; not with
                                   `conditioning: replace`, which widens nothing
prompt.safetensors                 the text embedding that was trained with, so that inference needs no text encoder
inpainting.json                    AdapterConfig
"""

from pathlib import Path
from typing import Annotated

from diffusers import CogVideoXTransformer3DModel
from pydantic import Field
from torch import Tensor

from inpainting.artifacts.prompt import write_prompt
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, read_json, write_json
from inpainting.core.settings import Role, Settings
from inpainting.models.adapter_files import CONFIG_FILE, LORA_FILE, PROMPT_FILE, WIDENED_FILE
from inpainting.models.adapter_weights import load_weights, save_weights
from inpainting.models.settings import LoraSettings
from inpainting.video.settings import MaskSettings, WindowSettings


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
    """How the model is shown a clip."""
    lora: LoraSettings
    """The LoRA layers."""
    sampling_steps: int | None = Field(None, ge=1)
    """Denoising steps that validation chose, and that are taken unless others are asked for; None before it did."""


def save_adapter(folder: Path, transformer: CogVideoXTransformer3DModel, config: AdapterConfig, prompt: Tensor) -> None:
    """Write the adapter folder, complete or not at all. prompt: float [1, tokens, width]."""
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        save_weights(temporary, transformer)
        write_prompt(temporary / PROMPT_FILE, prompt)
        write_json(temporary / CONFIG_FILE, config.model_dump(mode="json"))


def read_adapter_config(folder: Path) -> AdapterConfig:
    """The adapter's configuration; raises InputError when the folder is no adapter."""
    _refuse_missing(folder, LORA_FILE, PROMPT_FILE, CONFIG_FILE)
    try:
        config = AdapterConfig.model_validate(read_json(folder / CONFIG_FILE))
    except ValueError as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(f"{folder}: {CONFIG_FILE} is damaged or of another version ({first_line})") from error
    if config.condition.conditioning_entry.widens:
        _refuse_missing(folder, WIDENED_FILE)
    return config


def _refuse_missing(folder: Path, *names: str) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} is not an adapter: {', '.join(missing)} missing; give a folder that training wrote")


def load_adapter(transformer: CogVideoXTransformer3DModel, folder: Path) -> None:
    """Widen the transformer, if the adapter did, and load what was trained; raises InputError: see `load_weights`."""
    config = read_adapter_config(folder)
    load_weights(transformer, folder, config.lora, config.channels, config.condition.conditioning_entry.widens)
