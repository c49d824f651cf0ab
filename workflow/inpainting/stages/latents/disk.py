"""Disk space of latents: logged, and checked before the first window is encoded."""

import logging
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd

from inpainting.core.errors import InputError
from inpainting.models import bases
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
    free = shutil.disk_usage(_existing(folder)).free
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
    tensors = 2 if (content, settings.truth_posterior) == ("truth", "mean_and_logvar") else 1
    value = {"float16": 2, "float32": 4}[settings.latents_dtype]
    total = 0
    for (width, height), count in Counter(zip(rows["width"], rows["height"], strict=True)).items():
        cells_high, cells_wide = geometry.latent_size(height, width)
        latents = tensors * frames * channels * value
        hole, difference = settings.window * geometry.spatial_factor**2 // 8, frames
        more = hole + difference if content == "truth" else 0
        total += count * encoded * cells_high * cells_wide * (latents + more)
    return total


def format_bytes(size: int) -> str:
    """A number of bytes as text, e.g. 1.23 GB."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"


def _written(folder: Path) -> int:
    """Bytes of the finished shards in a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.glob("shard-*.safetensors"))


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
