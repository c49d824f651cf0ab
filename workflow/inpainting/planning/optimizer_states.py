"""What an optimizer keeps of the weights that it trains, in bytes."""

import math

from inpainting.planning.model_shapes import Shapes

EIGHT_BIT_FROM = 4096
"""bitsandbytes keeps the states of tensors with fewer weights in float32."""
EIGHT_BIT_BLOCK = 256
"""Weights that share a float32 scale in an 8-bit state."""


def state_bytes(optimizer: str, shapes: Shapes) -> int:
    """Bytes of an optimizer's tensors; `shapes` of the float32 weights that train.

    AdamW keeps two moments and a step number of each tensor, Muon one momentum of each matrix (AdamW does the others),
    Prodigy two moments, a sum and the weights at the start, but for tensors that start at zero (LoRA's B).
    """
    return sum(_of_tensor(optimizer, name, shape) for name, shape in shapes.items())


def _of_tensor(optimizer: str, name: str, shape: tuple[int, ...]) -> int:
    size = math.prod(shape)
    if optimizer == "muon" and len(shape) == 2:
        return 4 * size
    if optimizer == "prodigy":
        return 12 * size + 4 if name.endswith(".lora_B") else 16 * size
    if optimizer == "adamw_8bit" and size >= EIGHT_BIT_FROM:
        return 2 * (size + 4 * -(-size // EIGHT_BIT_BLOCK))
    return 8 * size + 4
