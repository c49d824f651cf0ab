"""`inpaint encode`: encodes the windows of one shard's sequences with the VAE.

Writes shard-N.safetensors of each content, its listing shard-N.parquet for `inpaint index`, and shard-N.left_out.tsv if
sequences could not be encoded. Until the shards are complete, finished sequences are in their shard-N.parts/. Sequences
that a shard or its parts hold with the current key are not encoded again.
"""

import logging
from collections.abc import Iterator

from torch import Tensor

from inpainting.artifacts.latents import VAE
from inpainting.artifacts.shard_listing import shard_path
from inpainting.core import provenance
from inpainting.core.progress import Progress
from inpainting.core.settings import existing
from inpainting.core.workers import map_prefetched, process_pool
from inpainting.models import bases, loading
from inpainting.stages.latents import disk
from inpainting.stages.latents.encoding import WindowEncoder
from inpainting.stages.latents.keys import chosen_rows, sequence_keys, shaping_settings, source_digest
from inpainting.stages.latents.left_out import LeftOut
from inpainting.stages.latents.partial_shards import PartialShard
from inpainting.stages.latents.reading import PixelWindow, ReadJob, read_or_reason
from inpainting.stages.latents.settings import EncodeCommand
from inpainting.video import windows
from inpainting.video.settings import MaskSettings

log = logging.getLogger(__name__)


def encode(settings: EncodeCommand) -> None:
    """Write one shard and its listing for each content; a complete shard with the current keys stays untouched.

    Raises UsageError for wrong options, InputError if the disk is too small or too many sequences can't be encoded.
    """
    bases.check_window(bases.family(settings.base), settings.window)
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    all_rows = chosen_rows(settings)
    rows = all_rows[all_rows["shard"] == settings.shard]
    shards = [
        PartialShard(shard_path(settings.out, content, settings.shard), content, sequence_keys(settings, content, rows))
        for content in settings.contents
    ]
    for shard in shards:
        log.info("%s: %d of %d sequences are new or changed", shard.content, len(shard.missing), len(rows))
    left_out = LeftOut(settings.out, settings.shard, len(rows), settings.max_left_out)
    if not all(shard.is_complete for shard in shards):
        disk.check(settings, all_rows, rows, shards)
    if any(shard.missing for shard in shards):
        _encode_missing(settings, shards, left_out)
    source = source_digest(settings, rows)
    inputs = {"sequences": source, VAE: loading.part_digest(settings.base, "vae")} | bases.provenance(settings.base)
    for shard in shards:
        shard.finish(source, provenance.describe(shaping_settings(settings, shard.content), inputs))


def _encode_missing(settings: EncodeCommand, shards: list[PartialShard], left_out: LeftOut) -> None:
    """Encode the sequences that shards lack; each is written as a part of these once its last window is encoded."""
    encoder = WindowEncoder(settings)
    lacking: dict[str, list[PartialShard]] = {}
    for shard in shards:
        for name in shard.missing:
            lacking.setdefault(name, []).append(shard)
    progress = Progress(f"encode {', '.join(settings.contents)}", "sequences", len(lacking))
    for name, read in _read_ahead(settings, lacking):
        if isinstance(read, str):
            left_out.add(name, None, read)
        else:
            _encode_sequence(encoder, read, lacking[name], left_out)
        progress.step()


def _encode_sequence(
    encoder: WindowEncoder, read: list[PixelWindow], shards: list[PartialShard], left_out: LeftOut
) -> None:
    """Encode the windows of a sequence and write a part of each shard; or leave the sequence out of all of them."""
    parts: dict[str, dict[str, Tensor]] = {shard.content: {} for shard in shards}
    for window in read:
        for content, part in parts.items():
            encoded = encoder.encode(window, content)
            if encoded is None:
                reason = f"its {content} latents from frame {window.start} on are not finite, in float32 either"
                left_out.add(window.sequence, window.start, reason)
                return
            part |= {f"{window.sequence}/{window.start}/{what}": tensor for what, tensor in encoded.items()}
    for shard in shards:
        shard.write_part(read[0].sequence, parts[shard.content])


def _read_ahead(
    settings: EncodeCommand, lacking: dict[str, list[PartialShard]]
) -> Iterator[tuple[str, list[PixelWindow] | str]]:
    """The windows of each sequence, or why it can't be read; worker processes read, fill and cut the next ones.

    lacking: by sequence the shards for whose contents it is read.
    """
    masks, geometry = settings.section(MaskSettings), bases.family(settings.base).geometry
    planned = windows.plan(settings.frames, settings.window, settings.window_overlap)
    jobs = [
        ReadJob(
            settings.dataset / name,
            settings.frames,
            tuple(shard.content for shard in shards),
            windows.choose(planned, settings.windows_per_sequence, name),
            settings.window,
            masks,
            geometry,
            settings.folders,
        )
        for name, shards in lacking.items()
    ]
    with process_pool(min(settings.workers, len(jobs)), preload=read_or_reason.__module__) as pool:
        yield from zip(lacking, map_prefetched(pool, read_or_reason, jobs, settings.workers + 1), strict=True)
