"""What a shard and the parts of it that an earlier run left hold already, and which of it can be kept."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from inpainting.artifacts.latents import Shard, shard_digest, write_shard
from inpainting.core.errors import InputError

log = logging.getLogger(__name__)


def parts_folder(shard: Path) -> Path:
    """Where the finished sequences of a shard lie that is being made, each a small shard."""
    return shard.with_suffix(".parts")


def keep(shard: Path, sequence: str, tensors: Mapping[str, Tensor], content: str, key: str) -> None:
    """Keep a sequence's tensors as a part of the shard."""
    part = parts_folder(shard) / f"{sequence}.safetensors"
    write_shard(part, tensors, content, {sequence: key}, source="", provenance={})


def forget_parts(shard: Path) -> None:
    """Remove the parts of a shard, once it is written."""
    shutil.rmtree(parts_folder(shard), ignore_errors=True)


def whole_sequences(shard: Path, keys: Mapping[str, str]) -> dict[str, Shard]:
    """Of the sequences in `keys` those that the shard or a part holds undamaged and of the same key, and which does."""
    found: dict[str, Shard] = {}
    for place in _opened([shard, *sorted(parts_folder(shard).glob("*.safetensors"))]):
        for name, key in place.keys.items():
            if keys.get(name) == key and name not in found and _is_undamaged(place, name):
                found[name] = place
    return found


def is_complete(shard: Path, keys: Mapping[str, str], found: Mapping[str, Shard]) -> bool:
    """Whether the shard itself holds all the sequences, as `whole_sequences` found them, and no others."""
    in_it = [name for name, place in found.items() if place.path == shard]
    digests = [opened.digest for opened in _opened([shard])]
    return len(in_it) == len(keys) and digests == [shard_digest(keys)]


def _opened(paths: list[Path]) -> list[Shard]:
    shards = []
    for path in paths:
        if path.is_file():
            try:
                shards.append(Shard(path))
            except InputError as error:
                log.warning("%s; what it held is encoded again", str(error).partition("; ")[0])
    return shards


def _is_undamaged(place: Shard, sequence: str) -> bool:
    try:
        place.sequence(sequence)
    except InputError as error:
        log.warning("%s; %s is encoded again", str(error).partition("; ")[0], sequence)
        return False
    return True
