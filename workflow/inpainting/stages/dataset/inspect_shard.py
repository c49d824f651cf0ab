"""`inpaint inspect`: check the sequences of one shard, reading only new and changed ones."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from inpainting.artifacts.groups import GROUPS
from inpainting.artifacts.inspected_shard import InspectedShard
from inpainting.artifacts.reasons import verdict
from inpainting.artifacts.record import make_record
from inpainting.core import seeds
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import value_digest
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.core.workers import process_pool
from inpainting.stages.dataset.inspection import InspectedSequence, inspect, printable
from inpainting.stages.dataset.inspection_cache import InspectionCache
from inpainting.stages.dataset.settings import InspectCommand, InspectionSettings
from inpainting.video.sequence import Folders

log = logging.getLogger(__name__)


def inspect_shard(settings: InspectCommand) -> None:
    """Write the inspection results of the shard's sequences; the inspection cache is the folder `<out>.cache`.

    The cache of `inpaint audit` (one folder above, `inspected.cache`) is used as well.
    Raises UsageError for paths that can't be used, InputError for a root without sequences.
    """
    if settings.out.suffix != ".jsonl":
        raise UsageError(f"OUT: {settings.out} does not end in .jsonl; give a path such as inspected/0.jsonl")
    check_paths(settings.root, settings.out)
    names, stray = find_sequences(settings.root, settings.folders)
    in_shard = [name for name in names if shard_of(name, settings.shards) == settings.shard]
    cache = InspectionCache(settings.out.with_suffix(".cache"), settings.out.parent.with_suffix(".cache"))
    entries = inspect_all(in_shard, cache, settings)
    sequences = [(entry.id, entry.sound, entry.content) for entry in entries]
    InspectedShard(shaping_settings(settings), settings.shards, stray, sequences).write(settings.out)


def shaping_settings(settings: InspectionSettings) -> dict[str, Any]:
    """The settings that change a sequence's inspection results."""
    return settings.section(InspectionSettings).shaping()


def shard_of(name: str, shards: int) -> int:
    """A sequence's shard, 0 to `shards` - 1: a hash of its name, so that new sequences move no other."""
    return seeds.derive(0, "audit.shard", printable(name)) % shards


def check_paths(root: Path, out: Path) -> None:
    """Raise UsageError unless `root` is a folder and `out` is outside of it."""
    if not existing(root, "ROOT", "the folder that holds the sequences").is_dir():
        raise UsageError(f"ROOT: {root} is a file; give the folder that holds the sequences")
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"OUT: {out} is inside ROOT, where it would be read as a sequence; choose a folder outside")


def find_sequences(root: Path, folders: Folders) -> tuple[list[str], int]:
    """Names of the folders directly below `root`, sorted, and the number of other entries there.

    A broken symbolic link counts as a sequence (which the audit then rejects), a hidden folder does not.
    Raises InputError if `root` can't be listed, has no folders or is itself a sequence.
    """
    try:
        names, stray = _listed(root)
    except OSError as error:
        raise InputError(f"{root} can't be listed: {error.strerror}") from error
    if set(folders) & set(names):
        raise InputError(f"{root} is itself a sequence; give the folder that holds the sequences as ROOT")
    if not names:
        raise InputError(f"{root} holds no folders; every sequence is a folder with {', '.join(folders)} in it")
    return names, len(stray)


def _listed(root: Path) -> tuple[list[str], list[str]]:
    """Names of the sequences directly below `root`, and of the other entries; both sorted."""
    with os.scandir(root) as entries:
        found = {entry.name: _is_sequence(entry) for entry in entries}
    names = sorted(name for name, is_sequence in found.items() if is_sequence)
    return names, sorted(found.keys() - {*names, GROUPS})


def _is_sequence(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    return entry.is_dir() or (entry.is_symlink() and not Path(entry.path).exists())


def shard_digests(root: Path, shards: int) -> list[str]:
    """Per shard a digest of its sequences' names and of the other entries of `root`: Snakemake reruns changed shards.

    Opens no sequence: 40,000 sequences take 0.25 seconds. A root that can't be listed counts as empty here; the jobs
    report the error.
    """
    names: list[str] = []
    stray: list[str] = []
    with contextlib.suppress(OSError):
        names, stray = _listed(root)
    parts: list[list[str]] = [[] for _ in range(shards)]
    for name in names:
        parts[shard_of(name, shards)].append(printable(name))
    return [value_digest([part, list(map(printable, stray))]) for part in parts]


def inspect_all(names: Sequence[str], cache: InspectionCache, settings: InspectionSettings) -> list[InspectedSequence]:
    """Inspect all sequences; returns their results by id. Unchanged ones come from the cache."""
    read = 0
    with process_pool(settings.workers, preload=inspect.__module__) as pool:
        chunk = max(1, min(32, len(names) // (8 * settings.workers)))
        known = (cache.known.get(printable(name)) for name in names)
        results: Iterator[InspectedSequence | None] = pool.map(
            partial(inspect, settings=settings), names, known, chunksize=chunk
        )
        for entry in tracked(results, "audit", "sequences", len(names)):
            if entry is not None:
                read += 1
                cache.add(entry)
    ids = sorted(printable(name) for name in names)
    cache.finish(ids)
    entries = [cache.known[name] for name in ids]
    reasons = [make_record(entry.id, entry.sound, entry.content).reasons for entry in entries]
    log.info("%d of %d sequences were new or changed; %s", read, len(names), verdict(reasons))
    return entries
