"""`inpaint encode`: windows of sequences through the VAE, once, into a shard of latents."""

import logging
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from inpainting import provenance, seeds
from inpainting.errors import UsageError
from inpainting.files import file_digest, read_table, value_digest
from inpainting.filling.classical import Clip
from inpainting.inference import conditioning
from inpainting.inference.conditioning import Frame
from inpainting.latents.reading import Wanted, read_sequence
from inpainting.latents.settings import CONDITION_CODE, TRUTH_CODE, EncodeCommand
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.progress import Progress
from inpainting.settings import existing
from inpainting.shards import shard_metadata, write_shard
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings
from inpainting.workers import mapped_ahead, process_pool

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Windows in a batch, of one size: on the CPU two take little longer than one, and a GPU's VAE slices them."""

UNSHAPING = {"out", "workers"}
"""Settings that shape no latent; a truth does not depend on `mask_dilation` either."""


class PixelWindow(NamedTuple):
    """A window before it is encoded, padded to the grid: its name, frames and undilated hole."""

    name: str
    clip: Clip
    hole: Hole


def encode(settings: EncodeCommand) -> None:
    """Write one shard; one that is there already, whole and of the same digest, is left as it is."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    rows = shard_rows(settings)
    source = source_digest(settings, rows)
    digest = shard_digest(settings, source)
    if settings.out.is_file() and shard_metadata(settings.out).get("digest") == digest:
        log.info("%s is up to date", settings.out)
        return
    device, dtype = loading.resolve_device(settings.device), loading.DTYPES[settings.dtype]
    vae = loading.load_vae(settings.base, dtype, device)
    starts = windows.plan(settings.frames, settings.window, settings.window_overlap)
    progress = Progress(f"encode {settings.content}", "windows", len(rows) * len(starts))
    tensors: dict[str, Tensor] = {}
    for batch in _batches(_windows(settings, list(rows["id"]), starts)):
        tensors |= _encode_batch(settings, batch, vae)
        progress.step(len(batch))
    leave_out = UNSHAPING | ({"mask_dilation"} if settings.content == "truth" else set())
    told = provenance.describe(settings, {"manifest": file_digest(settings.manifest)}, leave_out)
    write_shard(settings.out, tensors, settings.content, digest, source, told)


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


def source_digest(settings: EncodeCommand, rows: pd.DataFrame) -> str:
    """Digest of what a shard of truths and one of conditions must share: pixels, holes and windows."""
    shared = {
        "masks": settings.section(MaskSettings).model_dump(exclude={"mask_dilation"}),
        "windows": settings.section(WindowSettings).model_dump(),
        "frames": settings.frames,
        "sequences": rows[["id", "split", "digest"]].to_numpy().tolist(),
    }
    return value_digest(shared)


def shard_digest(settings: EncodeCommand, source: str) -> str:
    """Digest of all that shapes the shard's tensors: pixels, settings, VAE and code."""
    truth = settings.content == "truth"
    shaping = {
        "content": settings.content,
        "source": source,
        "mask_dilation": None if truth else settings.mask_dilation,
        "dtypes": [settings.dtype, settings.latents_dtype],
        "vae": loading.part_digest(settings.base, "vae"),
        "code": provenance.code_digest(*(TRUTH_CODE if truth else CONDITION_CODE)),
    }
    return value_digest(shaping)


def _windows(settings: EncodeCommand, names: list[str], starts: list[int]) -> Iterator[PixelWindow]:
    """The windows of the sequences, in order; the sequences are read, and their holes filled, in other processes."""
    mask_settings = settings.section(MaskSettings)
    wanted = [Wanted(settings.dataset / name, settings.frames, settings.content, mask_settings) for name in names]
    if not wanted:
        return
    with process_pool(min(settings.workers, len(wanted)), preload=read_sequence.__module__) as pool:
        clips = mapped_ahead(pool, read_sequence, wanted, ahead=settings.workers + 1)
        for name, (clip, hole) in zip(names, clips, strict=True):
            frame = Frame(clip.shape[1], clip.shape[2])
            for start in starts:
                part = slice(start, start + settings.window)
                yield PixelWindow(f"{name}/{start}", frame.pad(clip[part]), frame.pad(hole[part]))


def _batches(found: Iterator[PixelWindow]) -> Iterator[list[PixelWindow]]:
    """Neighbouring windows of one size, AT_ONCE in a batch."""
    batch: list[PixelWindow] = []
    for window in found:
        if batch and (len(batch) == AT_ONCE or window.clip.shape != batch[0].clip.shape):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def _encode_batch(settings: EncodeCommand, batch: list[PixelWindow], vae: AutoencoderKLCogVideoX) -> dict[str, Tensor]:
    if settings.content == "truth":
        signals = [vae_latents.to_signal(window.clip) for window in batch]
    else:
        holes = [masks.dilate(window.hole, settings.mask_dilation) for window in batch]
        signals = [
            conditioning.condition_signal(window.clip, hole, settings.content)
            for window, hole in zip(batch, holes, strict=True)
        ]
    latents = vae_latents.encode(vae, torch.stack(signals))[0].to(loading.DTYPES[settings.latents_dtype]).cpu()
    if settings.content != "truth":
        return {f"{window.name}/condition": latent for window, latent in zip(batch, latents, strict=True)}
    tensors = {f"{window.name}/truth": latent for window, latent in zip(batch, latents, strict=True)}
    return tensors | {f"{window.name}/hole": torch.from_numpy(masks.pack(window.hole)) for window in batch}
