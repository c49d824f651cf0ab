"""Disk space of latents: logged, and checked before the first window is encoded."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from inpainting.core.disk import format_bytes, free_bytes
from inpainting.core.errors import InputError
from inpainting.models import bases
from inpainting.models.family import Geometry
from inpainting.stages.latents.settings import Content, EncodeCommand
from inpainting.video import windows

if TYPE_CHECKING:
    from inpainting.stages.latents.partial_shards import PartialShard

log = logging.getLogger(__name__)


HOLE_RATIO = 10
"""Estimate of the bits of a hole over their compressed bytes. Measured at 49 frames of 640x480: 39 to 56 for masks of
sample sequences, 33 for an object with a ragged edge; a random pattern, new in each frame, has 7."""


def check(
    settings: EncodeCommand, all_rows: pd.DataFrame, rows: pd.DataFrame, shards: "Sequence[PartialShard]"
) -> None:
    """Log the disk space that the latents of all contents need; raise InputError if less is free.

    all_rows, rows: the sequences of all shards, and of the given ones, a shard per content. What must be encoded is on
    disk twice until its shard is written. Existing shards are subtracted; `settings.reserve_gb` adds later steps.
    """
    total = round(settings.reserve_gb * 1e9)
    for shard in shards:
        missing = rows[rows["id"].isin(shard.missing)]
        whole, own, parts = (latent_bytes(settings, shard.content, part) for part in (all_rows, rows, missing))
        total += max(whole - _written(shard.path.parent), 0 if shard.is_complete else own) + parts
        counted = (shard.content, format_bytes(own), format_bytes(whole), settings.shards)
        log.info("%s: %s in this shard, %s in all %d", *counted)
    free = free_bytes(settings.out)
    log.info("%s of disk are needed now, %s are free", format_bytes(total), format_bytes(free))
    if total > free:
        reserved = f", with {settings.reserve_gb:.3g} GB for later steps" if settings.reserve_gb else ""
        raise InputError(
            f"{settings.out}: the latents of {', '.join(settings.contents)} need {format_bytes(total)} of disk"
            f"{reserved}, and {format_bytes(free)} are free; make room, or encode fewer sequences"
        )


def latent_bytes(settings: EncodeCommand, content: Content, rows: pd.DataFrame) -> int:
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
    """Bytes of the tensors of one window of a content in its shard, of the hole an estimate; see `artifacts.latents`.

    window: its frames; shape: of its latents, [latent frames, channels, rows, columns]; dtype, posterior: the settings
    latents_dtype and truth_posterior.
    """
    frames, channels, rows, columns = shape
    latents = frames * channels * rows * columns * {"float16": 2, "float32": 4}[dtype]
    if content != "truth":
        return latents
    means = latents * (2 if posterior == "mean_and_logvar" else 1)
    return means + frames * rows * columns + hole_bytes(window, rows, columns, geometry)


def hole_bytes(window: int, rows: int, columns: int, geometry: Geometry) -> int:
    """Bytes of a window's compressed hole, an estimate; rows, columns: of its latents."""
    return window * rows * columns * geometry.spatial_factor**2 // 8 // HOLE_RATIO


def _written(folder: Path) -> int:
    """Bytes of the finished shards in a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.glob("shard-*.safetensors"))
