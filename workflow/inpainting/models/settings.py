"""Settings of the base model, its precision and device, and of LoRA."""

from typing import Annotated, Literal

from pydantic import Field

from inpainting.core.settings import Role, Settings

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
PRESETS = {"attention": ATTENTION, "attention+ff": (*ATTENTION, "ff.net.0.proj", "ff.net.2")}
"""Names for several targets; all_linear, which is not listed here, means every linear layer."""


class ModelSettings(Settings):
    """The base model, for every step that loads it."""

    base: Annotated[str, Role.PLACE] = "models/nano"
    """The pretrained CogVideoX: a folder in diffusers' layout, or a hub name such as THUDM/CogVideoX-2b."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the frozen base weights; trained weights are always float32. CogVideoX-2b was trained in float16."""
    vae_dtype: Literal["as_base", "auto", "float32", "bfloat16", "float16"] = "as_base"
    """Precision of the VAE: as_base takes that of the base weights; auto takes bfloat16 if the GPU, or the CPU (AMX),
    computes in it, else float32; the others hold on all hardware."""
    device: Annotated[Literal["auto", "cpu", "cuda"], Role.EXECUTION] = "auto"
    """Where to compute; auto takes the GPU if there is one."""


class LoraSettings(Settings):
    """LoRA: its target layers, rank and scale."""

    rank: Annotated[int, Role.ARCHITECTURE] = Field(64, ge=1)
    """Rank of the LoRA matrices."""
    alpha: Annotated[float, Role.ARCHITECTURE] = Field(64.0, gt=0)
    """LoRA's scale: the update is multiplied by alpha / rank, or by alpha / sqrt(rank) with `rslora`."""
    targets: Annotated[tuple[str, ...], Role.ARCHITECTURE] = ("attention",)
    """Linear layers that get LoRA: attention, attention+ff (with the feed-forward), all_linear, or the ends of names,
    such as to_q or norm1.linear."""
    lora_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Dropout probability of LoRA's inputs in training."""
    rslora: Annotated[bool, Role.ARCHITECTURE] = False
    """Rank-stabilised LoRA (arXiv 2312.03732): the scale falls with sqrt(rank) instead of rank."""
    dora: Annotated[bool, Role.ARCHITECTURE] = False
    """DoRA (arXiv 2402.09353): trains magnitude and direction of the weights separately; slower."""
