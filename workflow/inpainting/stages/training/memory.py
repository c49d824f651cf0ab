"""GPU memory of a training, from shapes alone, and whether it fits without gradient checkpointing.

Neither torch nor a weight is loaded: `inpaint plan` asks before anything is computed.
"""

import math
from dataclasses import dataclass

from inpainting.core.disk import format_bytes
from inpainting.models.activations import DECODE_UNITS, LatentShape, training_activations, vae_activations
from inpainting.models.base_memory import converted_bytes, stored_bytes
from inpainting.models.settings import TransformerSettings
from inpainting.models.shapes import (
    Base,
    Shapes,
    count,
    lora_shapes,
    vae_value_bytes,
    vae_weights,
    widened_shapes,
)
from inpainting.stages.training.settings import TrainSettings

BESIDE_TENSORS = 4 * 10**9
"""Bytes that CUDA and its allocator take beside the tensors, at most (assumed)."""


@dataclass(frozen=True)
class Checkpointing:
    """Whether a training uses gradient checkpointing, and why."""

    on: bool
    why: str

    def __str__(self) -> str:
        return f"{'on' if self.on else 'off'} ({self.why})"


def trained_shapes(base: Base, training: TrainSettings) -> Shapes:
    """Shapes of what an experiment trains: LoRA's weights, and the patch embedding where it is widened."""
    channels = training.input_channels(int(base.transformer["out_channels"]), base.geometry)
    return lora_shapes(base.transformer, training) | widened_shapes(base.transformer, channels)


def training_bytes(
    base: Base, model: TransformerSettings, training: TrainSettings, shape: LatentShape, checkpointing: bool
) -> dict[str, int]:
    """Bytes at most on each GPU, by what takes them. shape: of a window's latents.

    Activations are those of a pass, with the weights that it converts from 8 bits, or, if that is more, what a preview
    takes: the VAE, which decodes a window, and a copy of the weights while the averaged ones are in their place.
    """
    shapes = trained_shapes(base, training)
    trained = 4 * count(shapes)
    weights = stored_bytes(base.transformer, model)
    windows = min(training.micro_batch_size, -(-training.batch_size // training.processes))
    value = 4 if training.mixed_precision == "no" else 2
    activations = training_activations(base, training, shape, windows, value, checkpointing)
    activations += converted_bytes(base.transformer, model, checkpointing)
    if training.preview_every:
        vae_value = vae_value_bytes(model)
        decoding = vae_activations(base, shape, DECODE_UNITS, vae_value) + vae_weights(base.vae) * vae_value
        activations = max(activations, decoding + (trained if training.ema_decay else 0))
    return {
        "base": weights // (training.processes if training.shard_base else 1),
        "trained weights": trained,
        "gradients": trained,
        f"states of {training.optimizer}": state_bytes(training.optimizer, shapes),
        "moving average": trained if training.ema_decay else 0,
        "activations": activations,
    }


def state_bytes(optimizer: str, shapes: Shapes) -> int:
    """Bytes of an optimizer's tensors; `shapes` of the float32 weights that train.

    AdamW keeps two moments and a step number of each tensor. Prodigy keeps two moments, a sum and the weights at the
    start, but for tensors that start at zero (LoRA's B).
    """
    return sum(_state_bytes(optimizer, name, math.prod(shape)) for name, shape in shapes.items())


def _state_bytes(optimizer: str, name: str, size: int) -> int:
    if optimizer == "prodigy":
        return 12 * size + 4 if name.endswith(".lora_B") else 16 * size
    return 8 * size + 4


def decide_checkpointing(
    base: Base, model: TransformerSettings, training: TrainSettings, shape: LatentShape, device_bytes: float | None
) -> Checkpointing:
    """Train with gradient checkpointing as set or, with `auto`, unless the training fits without it.

    shape: of a window's latents; device_bytes: memory of the GPU; None on the CPU, or if it is not known.
    """
    if training.gradient_checkpointing != "auto":
        return Checkpointing(training.gradient_checkpointing, "as set")
    if device_bytes is None:
        return Checkpointing(True, "auto: no GPU whose memory is known")
    with_it, without = (sum(training_bytes(base, model, training, shape, on).values()) for on in (True, False))
    needed = f"tensors take {format_bytes(without)} without it, {format_bytes(with_it)} with it"
    there = f"the GPU has {format_bytes(device_bytes)}, of which CUDA may take {format_bytes(BESIDE_TENSORS)}"
    return Checkpointing(without + BESIDE_TENSORS > device_bytes, f"auto: {needed}; {there}")
