"""What an optimizer keeps of the weights that it trains, in bytes."""

import math

from inpainting.planning.model_shapes import Shapes


def state_bytes(optimizer: str, shapes: Shapes) -> int:
    """Bytes of an optimizer's tensors; `shapes` of the float32 weights that train.

    AdamW keeps two moments and a step number of each tensor. Prodigy keeps two moments, a sum and the weights at the
    start, but for tensors that start at zero (LoRA's B).
    """
    return sum(_of_tensor(optimizer, name, math.prod(shape)) for name, shape in shapes.items())


def _of_tensor(optimizer: str, name: str, size: int) -> int:
    if optimizer == "prodigy":
        return 12 * size + 4 if name.endswith(".lora_B") else 16 * size
    return 8 * size + 4
