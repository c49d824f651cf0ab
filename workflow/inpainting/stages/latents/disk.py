"""Disk space of latents: logged, and checked before the first window is encoded."""

import logging
from collections import Counter
from pathlib import Path

import pandas as pd

from inpainting.core.disk import format_bytes, free_bytes
from inpainting.core.errors import InputError
from inpainting.models import bases
from inpainting.models.family import Geometry
from inpainting.stages.latents.settings import EncodeCommand
from inpainting.video import windows

log = logging.getLogger(__name__)


def check(settings: EncodeCommand, all_rows: pd.DataFrame, rows: pd.DataFrame, missing: pd.DataFrame) -> None:
    """Log the disk space that the latents need; raise InputError if less is free.

    all_rows, rows, missing: the sequences of all shards, of this shard, and those of it that must be encoded. These are
    on disk twice until the shard is written. Existing shards are subtracted. `settings.content_folders` and
    `settings.reserve_gb` add the other contents and later steps.
    """
    folder, content = settings.out.parent, settings.content
    shard, parts = (latent_bytes(settings, content, part) for part in (rows, missing))
    whole = latent_bytes(settings, content, all_rows)
    needed = {content: max(whole - _written(folder), shard) + parts}
    for other in settings.content_folders:
        if other.name not in needed:
            needed[other.name] = max(latent_bytes(settings, other.name, all_rows) - _written(other), 0)
    total = sum(needed.values()) + round(settings.reserve_gb * 1e9)
    free = free_bytes(folder)
    log.info(
        "%s: %s in this shard, %s in all %d; %s of disk are needed now, %s are free",
        *(content, format_bytes(shard), format_bytes(whole), settings.shards, format_bytes(total), format_bytes(free)),
    )
    if total > free:
        reserved = f", with {settings.reserve_gb:.3g} GB for later steps" if settings.reserve_gb else ""
        raise InputError(
            f"{folder}: the latents of {', '.join(needed)} need {format_bytes(total)} of disk{reserved}, and "
            f"{format_bytes(free)} are free; make room, or encode fewer sequences"
        )


def latent_bytes(settings: EncodeCommand, content: str, rows: pd.DataFrame) -> int:
    """Bytes of one content's tensors for some sequences, given by their columns `width` and `height` in pixels."""
    planned = len(windows.plan(settings.frames, settings.window, settings.window_overlap))
    encoded = min(planned, settings.windows_per_sequence or planned)
    geometry, channels = bases.family(settings.base).geometry, bases.latent_channels(settings.base)
    frames = geometry.latent_frames(settings.window)
    total = 0
    for (width, height), count in Counter(zip(rows["width"], rows["height"], strict=True)).items():
        shape = frames, channels, *geometry.latent_size(height, width)
        dtype, posterior = settings.latents_dtype, settings.truth_posterior
        total += count * encoded * window_bytes(content, settings.window, shape, dtype, posterior, geometry)
    return total


def window_bytes(
    content: str, window: int, shape: tuple[int, int, int, int], dtype: str, posterior: str, geometry: Geometry
) -> int:
    """Bytes of the tensors of one window of a content in its shard; see `artifacts.latents`.

    window: its frames; shape: of its latents, [latent frames, channels, rows, columns]; dtype, posterior: the settings
    latents_dtype and truth_posterior.
    """
    frames, channels, rows, columns = shape
    latents = frames * channels * rows * columns * {"float16": 2, "float32": 4}[dtype]
    if content != "truth":
        return latents
    hole, difference = window * geometry.spatial_factor**2 // 8, frames
    return latents * (2 if posterior == "mean_and_logvar" else 1) + rows * columns * (hole + difference)


def _written(folder: Path) -> int:
    """Bytes of the finished shards in a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.glob("shard-*.safetensors"))
