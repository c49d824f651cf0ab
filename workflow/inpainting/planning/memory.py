"""GPU memory by stage: weights, what trains with its gradients and optimizer states, and activations.

Activations are counted in units of a token's features in the precision of computation (tokens x width x bytes of a
value) in the transformer, and of a pixel's first feature map (pixels x channels x bytes) in the VAE. The coefficients
were counted on tensors without data, from allocation to release, over a forward and a backward pass under autocast.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inpainting.config import PipelineConfig
from inpainting.planning.arithmetic import tokens
from inpainting.planning.disk import BYTES, count_base_weights, trained_shapes
from inpainting.planning.model_shapes import Base, count, lora_shapes, vae_weights, width
from inpainting.planning.optimizer_states import state_bytes
from inpainting.planning.work import Work
from inpainting.stages.training.settings import TrainSettings

BLOCK_UNITS = {"attn1": 20.33, "ff": 25.43, "norm1": 31.49}
"""Kept of a transformer block for the backward pass, with LoRA in its attention, also in its feed-forward, and also in
the layers that shift its norms."""
SAVED_UNITS = 1.0
"""Kept of a block with gradient checkpointing: its input."""
PASSING_UNITS = {"attn1": 10.1, "ff": 20.1, "norm1": 18.2}
"""Beside what is kept, at most, while a block is computed backward."""
INFERENCE_UNITS = 12.0
"""At most while a block is computed without gradients."""
ENCODE_UNITS, DECODE_UNITS = 75.6, 116.8
"""At most while the VAE encodes or decodes one clip, a few frames at a time."""


@dataclass(frozen=True)
class MemoryRow:
    """Bytes of a stage's tensors on each GPU. alternative: what a setting would make of the total; helps: settings."""

    stage: str
    parts: dict[str, int]
    helps: str
    alternative: tuple[str, int] | None = field(default=None)

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.parts.values())


def memory_rows(config: PipelineConfig, base: Base, work: Work) -> list[MemoryRow]:
    """The GPU memory of every stage that uses the model."""
    rows = []
    if config.compared() and base.text_encoder_weights:
        rows.append(MemoryRow("prompt", {"text encoder, bfloat16": 2 * base.text_encoder_weights}, "model.device: cpu"))
    vae = {"VAE": vae_weights(base.vae) * vae_bytes(config)}
    encoding = {**vae, "activations": vae_activations(config, base, work, ENCODE_UNITS)}
    rows.append(MemoryRow("encode", encoding, "model.vae_dtype: bfloat16"))
    for name, experiment in config.compared().items():
        rows.append(training_row(name, config, base, work, experiment.training))
    value = BYTES[config.model.dtype]
    adapters = [4 * count(trained_shapes(base, experiment.training)) for experiment in config.compared().values()]
    units = INFERENCE_UNITS * one_unit(base.transformer, work, value)
    activations = max(int(units), vae_activations(config, base, work, DECODE_UNITS))
    parts = {"base": count_base_weights(base) * value, "adapter": max(adapters, default=0), **vae}
    rows.append(MemoryRow("validate, evaluate", {**parts, "activations": activations}, "model.vae_dtype: bfloat16"))
    return rows


def training_row(name: str, config: PipelineConfig, base: Base, work: Work, training: TrainSettings) -> MemoryRow:
    """Memory of one process of a training, and what it would be with gradient checkpointing switched over."""
    shapes = trained_shapes(base, training)
    weights, trained = count_base_weights(base) * BYTES[config.model.dtype], 4 * count(shapes)
    shared = training.processes if training.shard_base else 1
    parts = {
        "base": weights // shared,
        "trained weights": trained,
        "gradients": trained,
        f"states of {training.optimizer}": state_bytes(training.optimizer, shapes),
        "moving average": trained if training.ema_decay else 0,
    }
    checkpointing = training.gradient_checkpointing
    now, other = (training_activations(base, work, training, how) for how in (checkpointing, not checkpointing))
    switch = f"with training.gradient_checkpointing: {str(not checkpointing).lower()}"
    helps = ["training.micro_batch_size: 1"] if training.micro_batch_size > 1 else []
    helps += [] if checkpointing else ["training.gradient_checkpointing: true"]
    helps += ["fewer frames in windows.window", "training.shard_base with several training.processes"]
    row = MemoryRow(f"train {name}", {**parts, "activations": now}, "; ".join(helps))
    return MemoryRow(row.stage, row.parts, row.helps, (switch, row.total - now + other))


def training_activations(base: Base, work: Work, training: TrainSettings, checkpointing: bool) -> int:
    """Bytes that a forward and backward pass of a micro-batch keeps at most."""
    value = 4 if training.mixed_precision == "no" else 2
    unit = one_unit(base.transformer, work, value) * training.micro_batch_size
    layers = int(base.transformer["num_layers"])
    names = list(lora_shapes(base.transformer, training))
    parts = [part for part in BLOCK_UNITS if any(f".{part}." in name for name in names)]
    widest = parts[-1] if parts else "attn1"
    block = BLOCK_UNITS[widest]
    kept = layers * SAVED_UNITS + block if checkpointing else layers * block
    return int(unit * (kept + PASSING_UNITS[widest]))


def one_unit(transformer: Mapping[str, Any], work: Work, value: int) -> int:
    """Bytes of the features of all tokens of a window."""
    return tokens(transformer, *work.latent_shape) * width(transformer) * value


def vae_activations(config: PipelineConfig, base: Base, work: Work, units: float) -> int:
    """Bytes that the VAE takes at most for a clip; its batches go through it one by one on a GPU."""
    wide, high = work.padded
    return int(units * wide * high * base.vae["block_out_channels"][0] * vae_bytes(config))


def vae_bytes(config: PipelineConfig) -> int:
    """Bytes of a value in the VAE on a GPU, which computes bfloat16."""
    dtype = {"as_base": config.model.dtype, "auto": "bfloat16"}.get(config.model.vae_dtype, config.model.vae_dtype)
    return BYTES[dtype]
