"""Settings of `inpaint encode` and `inpaint index`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from inpainting.models.settings import ModelSettings
from inpainting.settings import Settings
from inpainting.video.settings import MaskSettings, WindowSettings

LATENTS_CODE = (
    "latents/encode.py",
    "models/vae.py",
    "inference/conditioning.py",
    "video/masks.py",
    "video/sequence.py",
    "video/windows.py",
    "shards.py",
)
"""What shapes a latent; its digest is part of the shard's."""


class EncodeSettings(Settings):
    """Encoding of windows into latents."""

    latents_dtype: Literal["float16", "float32"] = "float16"
    """Precision of the stored latents."""


class EncodeCommand(EncodeSettings, ModelSettings, MaskSettings, WindowSettings):
    """Encode the windows of one shard's sequences: the truth, the masked input and the hole."""

    dataset: Path
    """Folder that holds the sequences."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    out: Path
    """The shard to write, a .safetensors file."""
    splits: tuple[str, ...] = ("train",)
    """Splits to encode; validation and test are inpainted from their frames."""
    frames: int = Field(100, ge=1)
    """Frames of each sequence to cover with windows."""
    shard: int = Field(0, ge=0)
    """Number of this shard, from 0."""
    shards: int = Field(1, ge=1)
    """Number of shards that the sequences are spread over."""


class IndexCommand(Settings):
    """Gather shards of latents into one index."""

    shards: tuple[Path, ...]
    """The shards, all of them."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    out: Path
    """index.parquet to write, in the folder of the shards."""


class PromptSettings(Settings):
    """The text that goes with every sequence."""

    prompt: str = ""
    """Text that training and inference are conditioned on; empty for a base without a text encoder."""


class PromptCommand(PromptSettings, ModelSettings):
    """Encode the prompt once, so that no later step loads the text encoder."""

    out: Path
    """The .safetensors file to write."""
