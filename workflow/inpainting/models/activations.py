"""GPU memory of activations, from a model's configuration alone: neither torch nor a weight is loaded.

They are counted in units of a token's features in the precision of computation (tokens x width x bytes of a value) in
the transformer, and of a pixel's first feature map (pixels x channels x bytes) in the VAE. The coefficients were
counted on tensors without data, from allocation to release, over a forward and a backward pass under autocast.
"""

from inpainting.models.settings import LoraSettings
from inpainting.models.shapes import Base, lora_shapes, tokens, width

BLOCK_UNITS = {"attn1": 20.33, "ff": 25.43, "norm1": 31.49}
"""Kept of a transformer block for the backward pass, with LoRA in its attention, also in its feed-forward, and also in
the layers that shift its norms."""
SAVED_UNITS = 1.0
"""Kept of a block with gradient checkpointing: its input."""
PASSING_UNITS = {"attn1": 10.1, "ff": 9.0, "norm1": 10.0}
"""Beside what is kept, at most, while a block is computed backward."""
INFERENCE_UNITS = 12.0
"""At most while a block is computed without gradients."""
ENCODE_UNITS, DECODE_UNITS = 75.6, 116.8
"""At most while the VAE encodes or decodes one clip, a few frames at a time."""

LatentShape = tuple[int, int, int]
"""Latent frames, rows and columns of a window."""


def training_activations(
    base: Base, lora: LoraSettings, shape: LatentShape, windows: int, value: int, checkpointing: bool
) -> int:
    """Bytes that a forward and backward pass of so many windows keeps at most; value: bytes of one in autocast."""
    layers = int(base.transformer["num_layers"])
    names = list(lora_shapes(base.transformer, lora))
    parts = [part for part in BLOCK_UNITS if any(f".{part}." in name for name in names)]
    widest = parts[-1] if parts else "attn1"
    block = BLOCK_UNITS[widest]
    kept = layers * SAVED_UNITS + block if checkpointing else layers * block
    return int(windows * _unit(base, shape, value) * (kept + PASSING_UNITS[widest]))


def inference_activations(base: Base, shape: LatentShape, value: int) -> int:
    """Bytes at most in a forward pass of one window without gradients; value: bytes of one."""
    return int(INFERENCE_UNITS * _unit(base, shape, value))


def vae_activations(base: Base, shape: LatentShape, units: float, value: int) -> int:
    """Bytes that the VAE takes at most for a clip; its batches go through it one by one on a GPU.

    units: ENCODE_UNITS or DECODE_UNITS; value: bytes of one.
    """
    _, rows, columns = shape
    pixels = rows * columns * base.geometry.spatial_factor**2
    return int(units * pixels * base.vae["block_out_channels"][0] * value)


def _unit(base: Base, shape: LatentShape, value: int) -> int:
    """Bytes of the features of all tokens of a window."""
    return tokens(base.transformer, *shape) * width(base.transformer) * value
