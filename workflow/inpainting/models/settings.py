"""Settings of the base model, its precision and device, and of LoRA."""

from typing import Annotated, Any, Literal

from pydantic import Field

from inpainting.core.settings import Role, Settings

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
PRESETS = {"attention": ATTENTION, "attention+ff": (*ATTENTION, "ff.net.0.proj", "ff.net.2")}
"""Names for several targets; all_linear, which is not listed here, means every linear layer."""

Quantization = Literal["int8", "fp8"]
"""Kinds of 8-bit weights."""


class ModelSettings(Settings):
    """The base model, for every step that loads it."""

    base: Annotated[str, Role.PLACE] = "models/nano"
    """The pretrained CogVideoX: a folder in diffusers' layout, or a hub name such as THUDM/CogVideoX-2b."""
    revision: Annotated[str | None, Role.PLACE] = None
    """Branch, tag or commit of a base on the hub; by default its main branch, as `inpaint fetch` downloaded it."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the frozen base weights; trained weights are always float32. CogVideoX-2b was trained in float16."""
    vae_dtype: Literal["as_base", "auto", "float32", "bfloat16", "float16"] = "as_base"
    """Precision of the VAE: as_base takes that of the base weights; auto takes bfloat16 if the GPU, or the CPU (AMX),
    computes in it, else float32; the others hold on all hardware."""
    device: Annotated[Literal["auto", "cpu", "cuda"], Role.EXECUTION] = "auto"
    """Where to compute; auto takes the GPU if there is one."""

    def uses_model(self) -> bool:
        """Whether the step loads the base model, or parts of it."""
        return True

    def gpus_needed(self) -> int:
        """How many GPUs this process needs, if the machine has any."""
        return 0 if self.device == "cpu" or not self.uses_model() else 1

    def less_memory(self) -> dict[str, Any]:
        """Settings that take less GPU memory than these, by name, the most effective first."""
        is_float32 = self.vae_dtype == "float32" or (self.vae_dtype, self.dtype) == ("as_base", "float32")
        return {"vae_dtype": "bfloat16"} if is_float32 else {}


class TransformerSettings(ModelSettings):
    """The base model, for every step that loads its transformer."""

    quantization: Quantization | None = None
    """Keep the frozen linear layers of the transformer's blocks, nearly all of its weights, in 8 bits: half of
    float16's memory. int8 is closer to the full weights than fp8. An adapter trained so fits the full base as well."""

    def less_memory(self) -> dict[str, Any]:
        """Those of the model, and the transformer's."""
        return super().less_memory() | ({} if self.quantization else {"quantization": "int8"})


class InferenceSettings(TransformerSettings):
    """The base model, for every step that inpaints."""

    offload: Annotated[bool, Role.EXECUTION] = False
    """Keep the transformer's blocks in the host's memory, and copy each to the GPU while the one before it computes:
    the least GPU memory; slower where a block is computed faster than copied."""

    def less_memory(self) -> dict[str, Any]:
        """Those of the transformer, and offloading, which changes no pixel."""
        return ({} if self.offload else {"offload": True}) | super().less_memory()


class FetchCommand(Settings):
    """Download a base model from the Hugging Face Hub once; the other steps then need no network."""

    base: Annotated[str, Role.PLACE]
    """Its name on the hub, such as THUDM/CogVideoX-2b. Of a folder, nothing is downloaded."""
    revision: Annotated[str | None, Role.PLACE] = None
    """Branch, tag or commit; by default the main branch."""


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
