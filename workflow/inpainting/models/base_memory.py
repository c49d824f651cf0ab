"""Memory of the frozen transformer's weights by their shapes alone: neither torch nor a weight is loaded."""

import math
from collections.abc import Mapping
from typing import Any

from inpainting.models.settings import InferenceSettings, TransformerSettings
from inpainting.models.shapes import BLOCKS, BYTES, transformer_shapes

SCALE_BYTES = {"int8": 5, "fp8": 4}
"""Of an output feature of a quantized layer: its scale and, of int8, its zero point."""


def stored_bytes(transformer: Mapping[str, Any], model: TransformerSettings) -> int:
    """Bytes of the weights, in the base's precision or quantized."""
    return sum(_parts(transformer, model))


def resident_bytes(transformer: Mapping[str, Any], model: InferenceSettings) -> int:
    """Bytes of the weights that are on the GPU at a time in inference: all or, offloaded, two blocks and the rest."""
    blocks, rest = _parts(transformer, model)
    return rest + (2 * blocks // int(transformer["num_layers"]) if model.offload else blocks)


def converted_bytes(transformer: Mapping[str, Any], model: TransformerSettings, checkpointing: bool) -> int:
    """Bytes of quantized weights in the base's precision, which a backward pass keeps: of all blocks, or of one."""
    if model.quantization is None:
        return 0
    linear = [math.prod(shape) for name, shape in transformer_shapes(transformer).items() if _is_linear(name, shape)]
    return sum(linear) * BYTES[model.dtype] // (int(transformer["num_layers"]) if checkpointing else 1)


def _parts(transformer: Mapping[str, Any], model: TransformerSettings) -> tuple[int, int]:
    """Bytes of the blocks, and of the rest."""
    blocks = rest = 0
    for name, shape in transformer_shapes(transformer).items():
        if model.quantization is not None and _is_linear(name, shape):
            blocks += math.prod(shape) + shape[0] * SCALE_BYTES[model.quantization]
        elif name.startswith(BLOCKS):
            blocks += math.prod(shape) * BYTES[model.dtype]
        else:
            rest += math.prod(shape) * BYTES[model.dtype]
    return blocks, rest


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    return name.startswith(BLOCKS) and len(shape) == 2
