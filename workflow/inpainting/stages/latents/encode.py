"""`inpaint encode`: encodes the windows of one shard's sequences with the VAE.

Writes shard-N.safetensors, its listing shard-N.parquet for `inpaint index`, and shard-N.left_out.tsv if sequences could
not be encoded. Until the shard is complete, finished sequences are in shard-N.parts/. Sequences that the shard or its
parts hold with the current key are not encoded again.
"""

import logging
from collections.abc import Callable, Iterator

import pandas as pd
from torch import Tensor

from inpainting.artifacts.latents import SHARD_FORMAT, write_listing, write_shard
from inpainting.artifacts.manifest import MANIFEST, read_split
from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.core import provenance, seeds
from inpainting.core.errors import UsageError
from inpainting.core.files import value_digest
from inpainting.core.progress import Progress
from inpainting.core.settings import existing
from inpainting.core.workers import map_prefetched, process_pool
from inpainting.models import bases, loading
from inpainting.models.settings import ModelSettings
from inpainting.stages.latents import disk, partial_shards
from inpainting.stages.latents.encoding import PixelWindow, WindowEncoder, cut
from inpainting.stages.latents.left_out import LeftOut
from inpainting.stages.latents.reading import ReadJob, needed_frames, read_or_reason
from inpainting.stages.latents.settings import EncodeCommand, TruthSettings
from inpainting.video import windows
from inpainting.video.settings import HoleSettings, MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def encode(settings: EncodeCommand) -> None:
    """Write one shard and its listing; a complete shard with the current keys stays untouched.

    Raises UsageError for wrong options, InputError if the disk is too small or too many sequences can't be encoded.
    """
    bases.check_window(bases.family(settings.base), settings.window)
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    all_rows = chosen_rows(settings)
    rows = all_rows[all_rows["shard"] == settings.shard]
    keys = sequence_keys(settings, rows)
    found = partial_shards.reusable_sequences(settings.out, keys)
    log.info("%d of %d sequences are new or changed", len(keys) - len(found), len(keys))
    left_out = LeftOut(settings.out, len(keys), settings.max_left_out)
    if not partial_shards.is_complete(settings.out, keys, found):
        missing = rows[~rows["id"].isin(found)]
        disk.check(settings, all_rows, rows, missing)
        if not missing.empty:
            _encode_parts(settings, keys, list(missing["id"]), left_out)
            found = partial_shards.reusable_sequences(settings.out, keys)
    encoded = {name: key for name, key in keys.items() if name in found}
    if partial_shards.is_complete(settings.out, encoded, found):
        log.info("%s is up to date", settings.out)
    else:
        tensors = {name: tensor for sequence in encoded for name, tensor in found[sequence].sequence(sequence).items()}
        source = source_digest(settings, rows)
        inputs = {"sequences": source} | bases.provenance(settings.base)
        origin = provenance.describe(shaping_settings(settings), inputs)
        write_shard(settings.out, tensors, settings.content, encoded, source, origin)
    partial_shards.remove_parts(settings.out)
    write_listing(settings.out)


def chosen_rows(settings: EncodeCommand) -> pd.DataFrame:
    """The sequences to encode in all shards: columns id, width, height, digest and shard (by hash), sorted by id.

    Raises UsageError for a window longer than the sequences.
    """
    if settings.window > settings.frames:
        raise UsageError(
            f"--window: {settings.window} frames do not fit into sequences of {settings.frames}; use a shorter window"
        )
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    split = read_split(settings.split_file, manifest)
    rows = split.loc[split["split"].isin(settings.splits), ["id"]].merge(
        manifest[["id", "width", "height", "digest"]], on="id", validate="one_to_one"
    )
    rows["shard"] = [seeds.derive(0, "latents.shard", name) % settings.shards for name in rows["id"]]
    return rows.sort_values("id", ignore_index=True)


def source_digest(settings: EncodeCommand, rows: pd.DataFrame) -> str:
    """Digest of the pixels, holes and windows, which a shard of truths and one of conditions must share."""
    return value_digest([_window_settings(settings), rows[["id", "digest"]].to_numpy().tolist()])


def sequence_keys(settings: EncodeCommand, rows: pd.DataFrame) -> dict[str, str]:
    """By sequence a digest of everything that changes its tensors: pixels, settings, VAE and version."""
    shaping = [shaping_settings(settings), loading.part_digest(settings.base, "vae"), SHARD_FORMAT, LATENTS_VERSION]
    return {
        name: value_digest([*shaping, name, digest]) for name, digest in zip(rows["id"], rows["digest"], strict=True)
    }


def shaping_settings(settings: EncodeCommand) -> dict[str, object]:
    """The settings that change the tensors of this content; mask dilation and fill do not change a truth."""
    shaping = _window_settings(settings) | {
        "content": settings.content,
        "vae_dtype": loading.precisions(settings.section(ModelSettings))["vae_dtype"],
        "latents_dtype": settings.latents_dtype,
    }
    if settings.content == "truth":
        return shaping | settings.section(TruthSettings).shaping()
    if settings.content == "rgb":
        return shaping
    return shaping | settings.section(MaskSettings).shaping()


def _window_settings(settings: EncodeCommand) -> dict[str, object]:
    """The settings that change the holes and the windows' frames.

    `windows_per_sequence` is left out if all windows are encoded: latents from before this setting stay valid.
    """
    parts = (settings.section(HoleSettings), settings.section(WindowSettings))
    shaping = {"frames": settings.frames} | {name: value for part in parts for name, value in part.shaping().items()}
    chosen = settings.windows_per_sequence
    return shaping if chosen is None else shaping | {"windows_per_sequence": chosen}


def _encode_parts(settings: EncodeCommand, keys: dict[str, str], missing: list[str], left_out: LeftOut) -> None:
    """Encode sequences; each is written as a part of the shard once its last window is encoded."""
    encoder = WindowEncoder(settings)
    planned = windows.plan(settings.frames, settings.window, settings.window_overlap)
    starts = {name: windows.choose(planned, settings.windows_per_sequence, name) for name in keys}
    total, remaining = (sum(len(starts[name]) for name in names) for names in (keys, missing))
    progress = Progress(f"encode {settings.content}", "windows", total, done=total - remaining)

    def leave_out(sequence: str, reason: str) -> None:
        left_out.add(sequence, None, reason)
        progress.step(len(starts[sequence]))

    tensors: dict[str, Tensor] = {}
    for window in _pixel_windows(settings, {name: starts[name] for name in missing}, leave_out):
        encoded = encoder.encode(window)
        if encoded is None:
            reason = f"the latents of its window at frame {window.start} are not finite, in float32 either"
            left_out.add(window.sequence, window.start, reason)
        else:
            tensors |= {f"{window.sequence}/{window.start}/{what}": tensor for what, tensor in encoded.items()}
        if window.start == starts[window.sequence][-1]:
            if window.sequence not in left_out:
                key = keys[window.sequence]
                partial_shards.write_part(settings.out, window.sequence, tensors, settings.content, key)
            tensors = {}
        progress.step()


def _pixel_windows(
    settings: EncodeCommand, starts: dict[str, list[int]], leave_out: Callable[[str, str], None]
) -> Iterator[PixelWindow]:
    """The windows of the sequences, in order; worker processes read the sequences and fill their holes.

    starts: their start frames by sequence. `leave_out` is called with the name of each sequence that can't be read, and
    the reason.
    """
    masks, geometry = settings.section(MaskSettings), bases.family(settings.base).geometry
    jobs = [
        ReadJob(
            settings.dataset / name,
            needed_frames(settings.content, settings.frames, starts[name], settings.window),
            settings.content,
            masks,
            settings.folders,
        )
        for name in starts
    ]
    with process_pool(min(settings.workers, len(jobs)), preload=read_or_reason.__module__) as pool:
        for name, read in zip(starts, map_prefetched(pool, read_or_reason, jobs, settings.workers + 1), strict=True):
            if isinstance(read, str):
                leave_out(name, read)
            else:
                yield from cut(name, read, starts[name], settings.window, geometry)
