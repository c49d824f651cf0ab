"""Shapes of a base's weights by its configuration alone: neither torch nor a weight is loaded.

They follow diffusers' CogVideoXTransformer3DModel and AutoencoderKLCogVideoX; the tests compare them with those classes
on the meta device.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from inpainting.core.errors import UsageError
from inpainting.models import bases, published
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.family import Geometry
from inpainting.models.settings import PRESETS, LoraSettings, ModelSettings

Shapes = dict[str, tuple[int, ...]]

PATCH_EMBEDDING = "patch_embed.proj"
"""Is trained whole where it is widened, and gets no LoRA; in CogVideoX 1.5 it is a linear layer."""

BLOCKS = "transformer_blocks."
"""What the names of the blocks' weights start with."""

BYTES = {"float16": 2, "bfloat16": 2, "float32": 4}
"""Bytes of a value, by precision."""


@dataclass(frozen=True)
class Base:
    """What arithmetic with a base model needs of it. source: where the shapes come from, for people."""

    transformer: Mapping[str, Any]
    vae: Mapping[str, Any]
    geometry: Geometry
    text_encoder_weights: int
    source: str
    to_download: bool


def read_base(name: str, revision: str | None = None) -> Base:
    """A base by folder or hub name, without network: published shapes for a hub name that is not in the cache.

    They are those of the name's base or, if it is none of `published.TRANSFORMERS`, CogVideoX-2b's.
    """
    configs = bases.configs_unless_remote(name, revision, "model.base")
    family = bases.family_unless_remote(name, revision, "model.base")
    known = name.rpartition("/")[2] if family is None else ""
    known = known if known in published.TRANSFORMERS else "CogVideoX-2b"
    has_text_encoder = not Path(name).is_dir() or (Path(name) / "text_encoder").is_dir()
    return Base(
        transformer={**published.TRANSFORMER, **published.TRANSFORMERS[known], **configs["transformer"]},
        vae={**published.VAE, **configs["vae"]},
        geometry=(family or COGVIDEOX_2B).geometry,
        text_encoder_weights=published.TEXT_ENCODER_WEIGHTS if has_text_encoder else 0,
        source=f"{name}/transformer/config.json" if family else f"{known}'s published shapes",
        to_download=family is None,
    )


def width(transformer: Mapping[str, Any]) -> int:
    """Width of a token."""
    return int(transformer["num_attention_heads"]) * int(transformer["attention_head_dim"])


def tokens(transformer: Mapping[str, Any], latent_frames: int, rows: int, columns: int) -> int:
    """Tokens of a window of latents, with those of the text."""
    patch, frames = int(transformer["patch_size"]), -(-latent_frames // _temporal_patch(transformer))
    return frames * (rows // patch) * (columns // patch) + int(transformer["max_text_seq_length"])


def _temporal_patch(transformer: Mapping[str, Any]) -> int:
    return int(transformer.get("patch_size_t") or 1)


def _patch_embedding(transformer: Mapping[str, Any], channels: int) -> Shapes:
    """A convolution over patches of one latent frame or, for patches of several, a linear layer."""
    wide, patch = width(transformer), int(transformer["patch_size"])
    flat = (channels * _temporal_patch(transformer) * patch**2,)
    kernel = flat if transformer.get("patch_size_t") else (channels, patch, patch)
    return {f"{PATCH_EMBEDDING}.weight": (wide, *kernel), f"{PATCH_EMBEDDING}.bias": (wide,)}


def transformer_shapes(transformer: Mapping[str, Any]) -> Shapes:
    """Shape of each weight of a transformer by its name."""
    wide, time, patch = width(transformer), int(transformer["time_embed_dim"]), int(transformer["patch_size"])
    head = int(transformer["attention_head_dim"])
    shapes = _patch_embedding(transformer, int(transformer["in_channels"]))
    linear = {
        "patch_embed.text_proj": (wide, int(transformer["text_embed_dim"])),
        "time_embedding.linear_1": (time, wide),
        "time_embedding.linear_2": (time, time),
        "norm_out.linear": (2 * wide, time),
        "proj_out": (_temporal_patch(transformer) * patch**2 * int(transformer["out_channels"]), wide),
    }
    normed = {"norm_final": wide, "norm_out.norm": wide}
    for block in (f"transformer_blocks.{number}" for number in range(int(transformer["num_layers"]))):
        linear |= {f"{block}.{norm}.linear": (6 * wide, time) for norm in ("norm1", "norm2")}
        linear |= {f"{block}.attn1.{name}": (wide, wide) for name in ("to_q", "to_k", "to_v", "to_out.0")}
        linear |= {f"{block}.ff.net.0.proj": (4 * wide, wide), f"{block}.ff.net.2": (wide, 4 * wide)}
        normed |= {f"{block}.norm1.norm": wide, f"{block}.norm2.norm": wide}
        normed |= {f"{block}.attn1.norm_q": head, f"{block}.attn1.norm_k": head}
    for name, shape in linear.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name, size in normed.items():
        shapes |= {f"{name}.weight": (size,), f"{name}.bias": (size,)}
    return shapes


def count(shapes: Shapes) -> int:
    """Weights in all."""
    return sum(map(math.prod, shapes.values()))


def lora_shapes(transformer: Mapping[str, Any], settings: LoraSettings) -> Shapes:
    """Shapes of LoRA's weights by name; raises UsageError for a target that no linear layer's name ends in."""
    layers = {
        name.removesuffix(".weight"): shape
        for name, shape in transformer_shapes(transformer).items()
        if name.endswith(".weight") and len(shape) == 2 and not name.startswith(PATCH_EMBEDDING)
    }
    shapes: Shapes = {}
    for target in settings.targets:
        ends = PRESETS.get(target, (target,))
        found = [n for n in layers if target == "all_linear" or any(n == e or n.endswith(f".{e}") for e in ends)]
        if not found:
            raise UsageError(f"training.targets: {target} was given, but no linear layer of the base has such a name")
        for name in found:
            out, into = layers[name]
            shapes |= {f"{name}.lora_A": (settings.rank, into), f"{name}.lora_B": (out, settings.rank)}
            if settings.dora:
                shapes[f"{name}.lora_magnitude_vector"] = (out,)
    return shapes


def widened_shapes(transformer: Mapping[str, Any], channels: int) -> Shapes:
    """Shapes of the patch embedding for so many input channels; nothing where these are the base's own."""
    if channels == int(transformer["in_channels"]):
        return {}
    return _patch_embedding(transformer, channels)


class Convolution(NamedTuple):
    """A convolution of the VAE.

    volume: of its kernel; shrink: how many times the frames are halved in each direction where it computes; halvings:
    how many times the number of frames was halved there.
    """

    into: int
    out: int
    volume: int
    shrink: int
    halvings: int


def encoder_convolutions(vae: Mapping[str, Any]) -> list[Convolution]:
    """The convolutions of a VAE's encoder."""
    return list(_encoder(vae))


def decoder_convolutions(vae: Mapping[str, Any]) -> list[Convolution]:
    """The convolutions of a VAE's decoder; the spatial norms' are computed on the latents, before they are enlarged."""
    return list(_decoder(vae))


def prompt_bytes(base: Base) -> int:
    """Bytes of the prompt's embedding: float32 [1, tokens, width]."""
    return int(base.transformer["max_text_seq_length"]) * int(base.transformer["text_embed_dim"]) * 4


def vae_weights(vae: Mapping[str, Any]) -> int:
    """Weights of both, without those of the norms: half a percent of the whole at most."""
    both = [*encoder_convolutions(vae), *decoder_convolutions(vae)]
    return sum(c.volume * c.into * c.out + c.out for c in both)


def vae_value_bytes(model: ModelSettings) -> int:
    """Bytes of a value in the VAE on a GPU, which computes bfloat16."""
    dtype = {"as_base": model.dtype, "auto": "bfloat16"}.get(model.vae_dtype, model.vae_dtype)
    return BYTES[dtype]


def _encoder(vae: Mapping[str, Any]) -> Iterator[Convolution]:
    channels, layers, halved = vae["block_out_channels"], vae.get("layers_per_block", 3), _time_levels(vae)
    yield Convolution(3, channels[0], 27, 0, 0)
    for level, out in enumerate(channels):
        for into in (channels[max(level - 1, 0)], *[out] * (layers - 1)):
            yield from _resnet(into, out, level, min(level, halved))
        if level < len(channels) - 1:
            yield Convolution(out, out, 9, level + 1, min(level + 1, halved))
    last = len(channels) - 1, min(len(channels) - 1, halved)
    for _ in range(2):
        yield from _resnet(channels[-1], channels[-1], *last)
    yield Convolution(channels[-1], 2 * vae["latent_channels"], 27, *last)


def _decoder(vae: Mapping[str, Any]) -> Iterator[Convolution]:
    channels, layers, halved = vae["block_out_channels"][::-1], vae.get("layers_per_block", 3), _time_levels(vae)
    deepest, latent = len(channels) - 1, vae["latent_channels"]
    norms = [Convolution(latent, c, 1, deepest, halved) for c in (channels[0],) * 8]
    yield Convolution(latent, channels[0], 27, deepest, halved)
    for _ in range(2):
        yield from _resnet(channels[0], channels[0], deepest, halved)
    yield from norms
    for level, out in enumerate(channels):
        place = deepest - level, max(halved - level, 0)
        for into in (channels[max(level - 1, 0)], *[out] * layers):
            yield from _resnet(into, out, *place)
            yield from (Convolution(latent, c, 1, deepest, halved) for c in (into, into, out, out))
        if level < deepest:
            yield Convolution(out, out, 9, deepest - level - 1, max(halved - level - 1, 0))
    yield from (Convolution(latent, channels[-1], 1, deepest, halved) for _ in range(2))
    yield Convolution(channels[-1], 3, 27, 0, 0)


def _resnet(into: int, out: int, shrink: int, halvings: int) -> Iterator[Convolution]:
    yield Convolution(into, out, 27, shrink, halvings)
    yield Convolution(out, out, 27, shrink, halvings)
    if into != out:
        yield Convolution(into, out, 1, shrink, halvings)


def _time_levels(vae: Mapping[str, Any]) -> int:
    return int(math.log2(vae.get("temporal_compression_ratio", 4)))
