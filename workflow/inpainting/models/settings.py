"""Which pretrained model, at what precision, on what device."""

from typing import Literal

from pydantic import Field

from inpainting.settings import Settings

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


class ModelSettings(Settings):
    """The base model, as every step that loads it takes it."""

    base: str = "models/nano"
    """The pretrained CogVideoX: a folder in diffusers' layout, or a hub name such as THUDM/CogVideoX-2b."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the frozen base weights; what trains is float32 always. CogVideoX-2b was made in float16."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes the GPU where there is one."""


class LoraSettings(Settings):
    """Where low-rank adapters go, and how large they are."""

    rank: int = Field(64, ge=1)
    """Rank of the LoRA matrices."""
    alpha: float = Field(64.0, gt=0)
    """LoRA's scale: the update is multiplied by alpha / rank."""
    targets: tuple[str, ...] = ATTENTION
    """Linear layers that get LoRA, by the end of their names. Attention: to_q, to_k, to_v, to_out.0; the feed-forward:
    ff.net.0.proj, ff.net.2."""
