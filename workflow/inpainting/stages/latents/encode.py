"""`inpaint encode`: windows of sequences through the VAE, once, into a shard of latents.

Beside shard.safetensors lies shard.parquet, the listing that `inpaint index` gathers; while a shard is being made, its
finished sequences lie in shard.parts/. A sequence that the shard or its parts hold whole, of the same key, is kept.
"""

import logging
from collections.abc import Iterator

import pandas as pd
from torch import Tensor

from inpainting.artifacts.latents import SHARD_FORMAT, write_listing, write_shard
from inpainting.artifacts.manifest import MANIFEST
from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.artifacts.split import SPLIT_TABLE
from inpainting.core import provenance, seeds
from inpainting.core.errors import UsageError
from inpainting.core.files import value_digest
from inpainting.core.progress import Progress
from inpainting.core.settings import existing
from inpainting.core.workers import map_prefetched, process_pool
from inpainting.models import bases, loading
from inpainting.models.settings import ModelSettings
from inpainting.stages.latents import disk, partial_shards
from inpainting.stages.latents.encoding import PixelWindow, batches, cut, encode_batch
from inpainting.stages.latents.reading import Wanted, read_sequence
from inpainting.stages.latents.settings import EncodeCommand, TruthSettings
from inpainting.video import windows
from inpainting.video.settings import HoleSettings, MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def encode(settings: EncodeCommand) -> None:
    """Write one shard and its listing; a shard that is there, whole and of the same digest, is left as it is."""
    bases.check_window(bases.family(settings.base), settings.window)
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    everything = chosen_rows(settings)
    rows = everything[everything["shard"] == settings.shard]
    keys = sequence_keys(settings, rows)
    found = partial_shards.whole_sequences(settings.out, keys)
    log.info("%d of %d sequences are new or changed", len(keys) - len(found), len(keys))
    if partial_shards.is_complete(settings.out, keys, found):
        log.info("%s is up to date", settings.out)
    else:
        missing = rows[~rows["id"].isin(found)]
        disk.check(settings, everything, rows, missing)
        if not missing.empty:
            _encode_parts(settings, keys, list(missing["id"]))
            found = partial_shards.whole_sequences(settings.out, keys)
        tensors = {name: tensor for sequence in keys for name, tensor in found[sequence].sequence(sequence).items()}
        source = source_digest(settings, rows)
        told = provenance.describe(shaping_settings(settings), {"sequences": source})
        write_shard(settings.out, tensors, settings.content, keys, source, told)
    partial_shards.forget_parts(settings.out)
    write_listing(settings.out)


def chosen_rows(settings: EncodeCommand) -> pd.DataFrame:
    """Id, size in pixels, digest of the pixels and shard (a hash decides) of all sequences to encode, sorted by id."""
    if settings.window > settings.frames:
        raise UsageError(
            f"--window: {settings.window} frames were asked of sequences of {settings.frames}; use a window that fits"
        )
    split = SPLIT_TABLE.read(settings.split_file, "--split-file")
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    rows = split.loc[split["split"].isin(settings.splits), ["id"]].merge(
        manifest[["id", "width", "height", "digest"]], on="id", validate="one_to_one"
    )
    rows["shard"] = [seeds.derive(0, "latents.shard", name) % settings.shards for name in rows["id"]]
    return rows.sort_values("id", ignore_index=True)


def source_digest(settings: EncodeCommand, rows: pd.DataFrame) -> str:
    """Digest of what a shard of truths and one of conditions must share: pixels, holes and windows."""
    return value_digest([_cutting(settings), rows[["id", "digest"]].to_numpy().tolist()])


def sequence_keys(settings: EncodeCommand, rows: pd.DataFrame) -> dict[str, str]:
    """By sequence the digest of all that shapes its tensors: pixels, settings, VAE and version."""
    shaping = [shaping_settings(settings), loading.part_digest(settings.base, "vae"), SHARD_FORMAT, LATENTS_VERSION]
    return {
        name: value_digest([*shaping, name, digest]) for name, digest in zip(rows["id"], rows["digest"], strict=True)
    }


def shaping_settings(settings: EncodeCommand) -> dict[str, object]:
    """The settings that shape tensors of this content: of a truth, neither how its hole is grown nor filled."""
    shaping = _cutting(settings) | {
        "content": settings.content,
        "vae_dtype": loading.precisions(settings.section(ModelSettings))["vae_dtype"],
        "latents_dtype": settings.latents_dtype,
    }
    if settings.content == "truth":
        return shaping | settings.section(TruthSettings).shaping()
    if settings.content == "rgb":
        return shaping
    return shaping | settings.section(MaskSettings).shaping()


def _cutting(settings: EncodeCommand) -> dict[str, object]:
    """The settings that decide on the holes and the windows' frames."""
    parts = (settings.section(HoleSettings), settings.section(WindowSettings))
    return {"frames": settings.frames} | {name: value for part in parts for name, value in part.shaping().items()}


def _encode_parts(settings: EncodeCommand, keys: dict[str, str], missing: list[str]) -> None:
    """Encode sequences, each of which is kept as soon as its windows are done."""
    device = loading.resolve_device(settings.device)
    vae = loading.load_vae(settings.base, loading.vae_dtype(settings, device), device)
    starts = windows.plan(settings.frames, settings.window, settings.window_overlap)
    whole = len(keys) * len(starts)
    progress = Progress(f"encode {settings.content}", "windows", whole, done=whole - len(missing) * len(starts))
    tensors: dict[str, Tensor] = {}
    for batch in batches(_pixel_windows(settings, missing, starts)):
        for window, found in zip(batch, encode_batch(vae, batch, settings), strict=True):
            tensors |= {f"{window.sequence}/{window.start}/{what}": tensor for what, tensor in found.items()}
            if window.start == starts[-1]:
                partial_shards.keep(settings.out, window.sequence, tensors, settings.content, keys[window.sequence])
                tensors = {}
        progress.step(len(batch))


def _pixel_windows(settings: EncodeCommand, names: list[str], starts: list[int]) -> Iterator[PixelWindow]:
    """The windows of the sequences, in order; the sequences are read, and their holes filled, in other processes."""
    masks, geometry = settings.section(MaskSettings), bases.family(settings.base).geometry
    wanted = [Wanted(settings.dataset / name, settings.frames, settings.content, masks) for name in names]
    with process_pool(min(settings.workers, len(wanted)), preload=read_sequence.__module__) as pool:
        for name, read in zip(names, map_prefetched(pool, read_sequence, wanted, settings.workers + 1), strict=True):
            yield from cut(name, read, starts, settings.window, geometry)
