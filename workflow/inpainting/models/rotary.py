"""Rotary positions of a window's tokens, as diffusers' CogVideoX pipelines compute them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from inpainting.core.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from inpainting.models.family import Config


def rotary_embeddings(transformer: Config, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines, float32 [tokens, head width] each, on the latents' device.

    transformer: its configuration; latents: [batch, latent frames, channels, rows, columns], with latent frames that
    fill the patches. Raises UsageError for frames that are larger than the base's own, where positions are not scaled
    to them.
    """
    patch, frames = transformer["patch_size"], transformer.get("patch_size_t")
    grid = latents.shape[3] // patch, latents.shape[4] // patch
    native = transformer["sample_height"] // patch, transformer["sample_width"] // patch
    count = latents.shape[1] // (frames or 1)
    return _embeddings(transformer["attention_head_dim"], grid, native, count, frames is not None, latents.device)


@lru_cache(maxsize=8)
def _embeddings(
    head_width: int,
    grid: tuple[int, int],
    native: tuple[int, int],
    frames: int,
    sliced: bool,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """grid, native: tokens (down, across) of a frame, and of one of the base's own size; frames: tokens in time.

    sliced: positions are counted from the upper left corner (1.5), not scaled to the native grid and centred (1.0).
    """
    from diffusers.models.embeddings import get_3d_rotary_pos_embed
    from diffusers.pipelines.cogvideo.pipeline_cogvideox import get_resize_crop_region_for_grid

    if sliced:
        if grid[0] > native[0] or grid[1] > native[1]:
            sizes = (f"{16 * columns}x{16 * rows}" for rows, columns in (grid, native))
            raise UsageError("--base: it has no positions for frames of {}, only up to {}".format(*sizes))
        where = {"crops_coords": None, "grid_type": "slice", "max_size": native}
    else:
        where = {"crops_coords": get_resize_crop_region_for_grid(grid, native[1], native[0])}
    cosines, sines = get_3d_rotary_pos_embed(
        embed_dim=head_width, grid_size=grid, temporal_size=frames, device=device, **where
    )
    return cosines, sines
