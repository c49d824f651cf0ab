"""The trained adapter as a folder.

pytorch_lora_weights.safetensors   LoRA in diffusers' format, its configuration (with alpha) in the metadata
widened.safetensors                the widened patch embedding, which `load_lora_weights` would refuse; absent where
                                   it is the base's own
prompt.safetensors                 the prompt embeddings of training, so that inference needs no text encoder
inpainting.json                    AdapterConfig
SHA256SUMS                         the digests of these files, written last; absent in adapters of earlier versions
"""

import re
from pathlib import Path
from typing import Annotated

from diffusers import CogVideoXTransformer3DModel
from pydantic import Field
from torch import Tensor

from inpainting.artifacts.prompt import write_prompt
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.errors import InputError, first_line
from inpainting.core.files import atomic_path, read_json, write_json
from inpainting.core.settings import Role, Settings
from inpainting.models import bases
from inpainting.models.adapter_files import (
    CONFIG_FILE,
    LORA_FILE,
    PROMPT_FILE,
    WIDENED_FILE,
    refuse_damaged,
    write_adapter_sums,
)
from inpainting.models.adapter_weights import load_weights, save_weights
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import LoraSettings, Quantization
from inpainting.video.settings import MaskSettings, WindowSettings


class AdapterConfig(Settings):
    """Base, masks, windows and conditioning of the training; inference reads them here and not from options."""

    base: Annotated[str, Role.PLACE]
    """Folder or hub name of the base model in the training's settings."""
    base_revision: Annotated[str | None, Role.PLACE] = None
    """Commit of a base on the hub; None for a folder."""
    transformer_digest: Annotated[str, Role.ARCHITECTURE]
    """Digest of the base transformer's files."""
    random_base: Annotated[int | None, Role.ARCHITECTURE] = None
    """Seed of random weights that replaced the base's own; None if the base's own were used."""
    quantization: Quantization | None = None
    """How the base's weights were quantized in training; the adapter fits the full ones as well."""
    vae_digest: str
    """Digest of the VAE's files."""
    family: Annotated[str, Role.PLACE] = COGVIDEOX_2B.name
    """Name of the base's model family."""
    channels: Annotated[int, Role.ARCHITECTURE]
    """Input channels of the transformer: noisy latents and, with some conditionings, condition latents and mask."""
    masks: MaskSettings
    """How mask images become holes."""
    windows: WindowSettings
    """Length and overlap of the windows."""
    condition: ConditionSettings
    """The conditioning."""
    lora: LoraSettings
    """The LoRA settings."""
    sampling_steps: int | None = Field(None, ge=1)
    """Default number of denoising steps, as validation chose it; None before validation."""

    @property
    def widened(self) -> bool:
        """Whether the patch embedding was widened and trained."""
        inpaints = bases.family_named(self.family).condition_channels > 0
        return self.condition.conditioning_entry.adds_channels and not inpaints


def save_adapter(folder: Path, transformer: CogVideoXTransformer3DModel, config: AdapterConfig, prompt: Tensor) -> None:
    """Write the adapter folder atomically. prompt: embeddings, float [1, tokens, width]."""
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        save_weights(temporary, transformer)
        write_prompt(temporary / PROMPT_FILE, prompt)
        write_json(temporary / CONFIG_FILE, config.model_dump(mode="json"))
        write_adapter_sums(temporary)


def read_adapter_config(folder: Path) -> AdapterConfig:
    """The adapter's configuration; raises InputError if the folder is not a complete adapter."""
    _refuse_missing(folder, LORA_FILE, PROMPT_FILE, CONFIG_FILE)
    try:
        config = AdapterConfig.model_validate(read_json(folder / CONFIG_FILE))
    except ValueError as error:
        raise InputError(f"{folder}: {CONFIG_FILE} is damaged or of another version ({first_line(error)})") from error
    if config.widened:
        _refuse_missing(folder, WIDENED_FILE)
    return config


def _refuse_missing(folder: Path, *names: str) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        below = [path.parent for depth in ("*", "*/*", "*/*/*") for path in folder.glob(f"{depth}/{CONFIG_FILE}")]
        advice = f"did you mean {max(below, key=_by_number)}?" if below else "give a folder that training wrote"
        raise InputError(f"{folder} is not an adapter: {', '.join(missing)} missing; {advice}")


def _by_number(path: Path) -> list[int]:
    """A key that orders folders of checkpoints by their steps."""
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def load_adapter(transformer: CogVideoXTransformer3DModel, folder: Path) -> None:
    """Load an adapter's weights into a transformer, widening it if needed; in place.

    Raises InputError if a file is damaged, else as `load_weights`.
    """
    config = read_adapter_config(folder)
    refuse_damaged(folder)
    load_weights(transformer, folder, config.lora, config.channels, config.widened)
