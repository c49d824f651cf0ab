"""Sequences that are encoded already: in the shard itself, or in the parts that an interrupted run left."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from inpainting.artifacts.latents import Shard, shard_digest, write_shard
from inpainting.core.errors import InputError
from inpainting.stages.latents.encoding import is_finite

log = logging.getLogger(__name__)


def parts_folder(shard: Path) -> Path:
    """The folder of the parts of a shard that is being made: one small shard per finished sequence."""
    return shard.with_suffix(".parts")


def write_part(shard: Path, sequence: str, tensors: Mapping[str, Tensor], content: str, key: str) -> None:
    """Write the tensors of a finished sequence as a part of the shard; see `artifacts.latents.write_shard`.

    For instance a truth [latent frames, channels, rows, columns].
    """
    part = parts_folder(shard) / f"{sequence}.safetensors"
    write_shard(part, tensors, content, {sequence: key}, source="", provenance={})


def remove_parts(shard: Path) -> None:
    """Remove the parts of a finished shard."""
    shutil.rmtree(parts_folder(shard), ignore_errors=True)


def reusable_sequences(shard: Path, keys: Mapping[str, str]) -> dict[str, Shard]:
    """By sequence the file, shard or part, that holds it undamaged, with finite latents and the key that `keys` has."""
    found: dict[str, Shard] = {}
    for file in _opened([shard, *sorted(parts_folder(shard).glob("*.safetensors"))]):
        for name, key in file.keys.items():
            if keys.get(name) == key and name not in found and _is_intact(file, name):
                found[name] = file
    return found


def is_complete(shard: Path, keys: Mapping[str, str], found: Mapping[str, Shard]) -> bool:
    """Whether the shard itself holds exactly the sequences of `keys`. `found`: of `reusable_sequences`."""
    in_shard = [name for name, file in found.items() if file.path == shard]
    digests = [opened.digest for opened in _opened([shard])]
    return len(in_shard) == len(keys) and digests == [shard_digest(keys)]


def _opened(paths: list[Path]) -> list[Shard]:
    shards = []
    for path in paths:
        if path.is_file():
            try:
                shards.append(Shard(path))
            except InputError as error:
                log.warning("%s; its sequences are encoded again", str(error).partition("; ")[0])
    return shards


def _is_intact(file: Shard, sequence: str) -> bool:
    try:
        tensors = file.sequence(sequence)
    except InputError as error:
        log.warning("%s; %s is encoded again", str(error).partition("; ")[0], sequence)
        return False
    if not is_finite(tensors):
        log.warning("%s holds latents of %s that are not finite; it is encoded again", file.path, sequence)
        return False
    return True
