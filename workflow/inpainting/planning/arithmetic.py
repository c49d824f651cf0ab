"""Arithmetic of the models in TFLOP (10^12 multiplications and additions), counted from their shapes.

Small terms (norms, embeddings, activations) are left out: less than a percent at CogVideoX-2b's size.
"""

from collections.abc import Mapping
from typing import Any

from inpainting.models.shapes import (
    Convolution,
    decoder_convolutions,
    encoder_convolutions,
    tokens,
    width,
)


def forward_tflop(transformer: Mapping[str, Any], latent_frames: int, rows: int, columns: int) -> float:
    """One forward pass of one window."""
    attention, linear = _forward_parts(transformer, latent_frames, rows, columns)
    return attention + linear


def training_tflop(
    transformer: Mapping[str, Any],
    latent_frames: int,
    rows: int,
    columns: int,
    trained: int,
    checkpointing: bool,
) -> tuple[float, float]:
    """One window forward and backward with a frozen base: what is needed, and what is computed.

    trained: weights that train. The base's weights need no gradients, so its linear layers cost as much backward as
    forward, where attention costs twice as much. Flash attention computes the scores again in the backward pass (half a
    forward pass of attention more), and gradient checkpointing the whole forward pass.
    """
    attention, linear = _forward_parts(transformer, latent_frames, rows, columns)
    lora = 2 * trained * tokens(transformer, latent_frames, rows, columns) / 1e12
    needed = 3 * attention + 2 * linear + 3 * lora
    computed = needed + attention / 2 + (attention + linear + lora if checkpointing else 0)
    return needed, computed


def _forward_parts(transformer: Mapping[str, Any], latent_frames: int, rows: int, columns: int) -> tuple[float, float]:
    """Attention's products of queries, keys and values; and the linear layers of the blocks."""
    length, wide = tokens(transformer, latent_frames, rows, columns), width(transformer)
    layers = int(transformer["num_layers"])
    return layers * 4 * length**2 * wide / 1e12, layers * 24 * length * wide**2 / 1e12


def encode_tflop(vae: Mapping[str, Any], frames: int, height: int, width: int) -> float:
    """One window of frames through the VAE's encoder."""
    return _convolved(encoder_convolutions(vae), frames, height, width)


def decode_tflop(vae: Mapping[str, Any], frames: int, height: int, width: int) -> float:
    """One window of frames through the VAE's decoder."""
    return _convolved(decoder_convolutions(vae), frames, height, width)


def _convolved(convolutions: list[Convolution], frames: int, height: int, width: int) -> float:
    cells = [height * width * ((frames - 1) / 2**c.halvings + 1) / 4**c.shrink for c in convolutions]
    return sum(2 * c.volume * c.into * c.out * n for c, n in zip(convolutions, cells, strict=True)) / 1e12
