"""Which pretrained model, at what precision, on what device."""

from typing import Annotated, Literal

from pydantic import Field

from inpainting.core.settings import Role, Settings

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
PRESETS = {"attention": ATTENTION, "attention+ff": (*ATTENTION, "ff.net.0.proj", "ff.net.2")}
"""Names that stand for several targets; all_linear, beside them, stands for every linear layer that there is."""


class ModelSettings(Settings):
    """The base model, as every step that loads it takes it."""

    base: Annotated[str, Role.PLACE] = "models/nano"
    """The pretrained CogVideoX: a folder in diffusers' layout, or a hub name such as THUDM/CogVideoX-2b."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the frozen base weights; what trains is float32 always. CogVideoX-2b was made in float16."""
    vae_dtype: Literal["as_base", "auto", "float32", "bfloat16", "float16"] = "as_base"
    """Precision of the VAE: that of the base weights; by auto bfloat16 where the GPU, or the CPU (AMX), has arithmetic
    for it, and else float32; or one for all hardware."""
    device: Annotated[Literal["auto", "cpu", "cuda"], Role.EXECUTION] = "auto"
    """Where to compute; auto takes the GPU where there is one."""


class LoraSettings(Settings):
    """Where low-rank adapters go, and how large they are."""

    rank: Annotated[int, Role.ARCHITECTURE] = Field(64, ge=1)
    """Rank of the LoRA matrices."""
    alpha: Annotated[float, Role.ARCHITECTURE] = Field(64.0, gt=0)
    """LoRA's scale: the update is multiplied by alpha / rank, or by alpha / sqrt(rank) with `rslora`."""
    targets: Annotated[tuple[str, ...], Role.ARCHITECTURE] = ("attention",)
    """Linear layers that get LoRA: attention, attention+ff (with the feed-forward), all_linear, or the ends of names,
    such as to_q or norm1.linear."""
    lora_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of a LoRA layer's inputs that are dropped in training."""
    rslora: Annotated[bool, Role.ARCHITECTURE] = False
    """Rank-stabilised LoRA (arXiv 2312.03732): a scale that does not fade as the rank grows."""
    dora: Annotated[bool, Role.ARCHITECTURE] = False
    """DoRA (arXiv 2402.09353): the length of each weight row is trained apart from its direction; slower."""
