"""The room on disk that latents take, told and checked before the work starts."""

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


def check(settings: EncodeCommand, everything: pd.DataFrame, rows: pd.DataFrame, missing: pd.DataFrame) -> None:
    """Log what the shard and all shards of its content take; raise InputError where the disk has no room for them.

    everything, rows, missing: the sequences of all shards, of this one, and those of it that have to be encoded, which
    are on disk twice until the shard is written. What is on disk of other shards is taken off.
    """
    whole, shard, parts = (latent_bytes(settings, part) for part in (everything, rows, missing))
    folder = settings.out.parent
    there = sum(path.stat().st_size for path in folder.glob("shard-*.safetensors")) if folder.is_dir() else 0
    needed = max(whole - there, shard) + parts
    free = shutil.disk_usage(_existing(folder)).free
    log.info(
        "%s: %s in this shard, %s in all %d; %s of disk are needed now, %s are free",
        *(settings.content, _shown(shard), _shown(whole), settings.shards, _shown(needed), _shown(free)),
    )
    if needed > free:
        raise InputError(
            f"{folder}: the latents of {settings.content} need {_shown(needed)} of disk, and {_shown(free)} are free; "
            "make room, or encode fewer sequences"
        )


def latent_bytes(settings: EncodeCommand, rows: pd.DataFrame) -> int:
    """Bytes of the tensors of some sequences (their sizes in the columns `width` and `height`)."""
    starts = len(windows.plan(settings.frames, settings.window, settings.window_overlap))
    geometry, channels = bases.family(settings.base).geometry, bases.latent_channels(settings.base)
    frames = geometry.latent_frames(settings.window)
    tensors = 2 if (settings.content, settings.truth_posterior) == ("truth", "mean_and_logvar") else 1
    value = {"float16": 2, "float32": 4}[settings.latents_dtype]
    total = 0
    for (width, height), count in Counter(zip(rows["width"], rows["height"], strict=True)).items():
        cells_high, cells_wide = geometry.latent_size(height, width)
        latents = tensors * frames * channels * value
        hole, difference = settings.window * geometry.spatial_factor**2 // 8, frames
        beside = hole + difference if settings.content == "truth" else 0
        total += count * starts * cells_high * cells_wide * (latents + beside)
    return total


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _shown(size: int) -> str:
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"
