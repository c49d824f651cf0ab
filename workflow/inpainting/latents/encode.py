"""`inpaint encode`: windows of sequences through the VAE, once, into a shard of latents."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from diffusers import AutoencoderKLCogVideoX

from inpainting import provenance, seeds
from inpainting.errors import InputError, UsageError
from inpainting.files import file_digest, read_table, value_digest
from inpainting.inference import conditioning
from inpainting.inference.conditioning import Frame
from inpainting.latents.settings import LATENTS_CODE, EncodeCommand
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.progress import Progress
from inpainting.settings import existing
from inpainting.shards import Window, shard_metadata, write_shard
from inpainting.video import masks, sequence, windows
from inpainting.video.settings import MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def encode(settings: EncodeCommand) -> None:
    """Write one shard; one that is there already, whole and of the same digest, is left as it is."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    rows = shard_rows(settings)
    digest = shard_digest(settings, rows)
    if settings.out.is_file() and shard_metadata(settings.out).get("digest") == digest:
        log.info("%s is up to date", settings.out)
        return
    device, dtype = loading.resolve_device(settings.device), loading.DTYPES[settings.dtype]
    vae = loading.load_vae(settings.base, dtype, device)
    starts = windows.plan(settings.frames, settings.window, settings.window_overlap)
    progress = Progress("encode", "windows", len(rows) * len(starts))
    found = _windows(settings, rows, starts, vae, progress)
    inputs = {"manifest": file_digest(settings.manifest)}
    write_shard(settings.out, found, digest, provenance.describe(settings, inputs, leave_out=("out",)))


def shard_rows(settings: EncodeCommand) -> pd.DataFrame:
    """The manifest's rows, with their split, of the sequences that a hash puts into this shard."""
    if settings.window > settings.frames:
        raise UsageError(
            f"--window: {settings.window} frames were asked of sequences of {settings.frames}; use a window that fits"
        )
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    manifest = read_table(existing(settings.manifest, "--manifest", "the manifest.parquet of `inpaint audit`"))
    rows = split[split["split"].isin(settings.splits)].merge(
        manifest[["id", "width", "height", "digest"]], on="id", validate="one_to_one"
    )
    numbers = rows["id"].map(lambda name: seeds.derive(0, "latents.shard", name) % settings.shards)
    return rows[numbers == settings.shard].sort_values("id")


def shard_digest(settings: EncodeCommand, rows: pd.DataFrame) -> str:
    """Digest of all that shapes the shard's tensors: pixels, settings, VAE and code."""
    shaping = {
        "masks": settings.section(MaskSettings).model_dump(),
        "windows": settings.section(WindowSettings).model_dump(),
        "frames": settings.frames,
        "dtypes": [settings.dtype, settings.latents_dtype],
        "vae": loading.part_digest(settings.base, "vae"),
        "code": provenance.code_digest(*LATENTS_CODE),
        "sequences": rows[["id", "split", "digest"]].to_numpy().tolist(),
    }
    return value_digest(shaping)


def _windows(
    settings: EncodeCommand,
    rows: pd.DataFrame,
    starts: list[int],
    vae: AutoencoderKLCogVideoX,
    progress: Progress,
) -> Iterator[Window]:
    for name in rows["id"]:
        for start in starts:
            yield _encode_window(settings, settings.dataset / name, start, vae)
            progress.step()


def _encode_window(settings: EncodeCommand, folder: Path, start: int, vae: AutoencoderKLCogVideoX) -> Window:
    try:
        rgb = sequence.read_rgb(folder, start, settings.window)
        truth = sequence.read_truth(folder, start, settings.window)
        mask = sequence.read_mask(folder, start, settings.window)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"sequence {folder.name}: its frames can't be read ({error}); audit the dataset again"
        ) from error
    hole = masks.to_hole(mask, settings)
    frame = Frame(rgb.shape[1], rgb.shape[2])
    rgb, truth, hole = frame.pad(rgb), frame.pad(truth), frame.pad(hole)
    condition = conditioning.masked_signal(rgb, masks.dilate(hole, settings.mask_dilation))
    both = torch.stack([vae_latents.to_signal(truth), condition])
    truth_latents, condition_latents = vae_latents.encode(vae, both)[0].to(loading.DTYPES[settings.latents_dtype]).cpu()
    return Window(folder.name, start, truth_latents, condition_latents, hole)
