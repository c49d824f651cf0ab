"""A shard while it is made: some of its sequences are in the file of an earlier run, or in parts beside it."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from inpainting.artifacts.latents import Shard, shard_digest, write_listing, write_shard
from inpainting.core.errors import InputError
from inpainting.stages.latents.encoding import is_finite
from inpainting.stages.latents.settings import Content

log = logging.getLogger(__name__)


class PartialShard:
    """A shard of one content. `keys` has the sequences that it should hold, in order; see `keys.sequence_keys`."""

    def __init__(self, path: Path, content: Content, keys: Mapping[str, str]) -> None:
        """Find the sequences that the shard or its parts hold undamaged, with finite latents and these keys."""
        self.path, self.content, self.keys = path, content, dict(keys)
        self._files: dict[str, Shard] = {}
        self._written: str | None = None  # the digest of the shard's file
        for file in _opened([path, *sorted(self.parts.glob("*.safetensors"))]):
            if file.path == path:
                self._written = file.digest
            for name, key in file.keys.items():
                if self.keys.get(name) == key and name not in self._files and _is_intact(file, name):
                    self._files[name] = file

    @property
    def parts(self) -> Path:
        """The folder of the parts: one small shard per finished sequence."""
        return self.path.with_suffix(".parts")

    @property
    def missing(self) -> list[str]:
        """The sequences that must be encoded."""
        return [name for name in self.keys if name not in self._files]

    @property
    def is_complete(self) -> bool:
        """Whether the shard itself holds exactly the sequences of `keys`."""
        return not self.missing and self._is_written(self.keys)

    def write_part(self, sequence: str, tensors: Mapping[str, Tensor]) -> None:
        """Write the tensors of a finished sequence as a part; see `artifacts.latents.write_shard`.

        For instance a truth [latent frames, channels, rows, columns].
        """
        part = self.parts / f"{sequence}.safetensors"
        write_shard(part, tensors, self.content, {sequence: self.keys[sequence]}, source="", provenance={})
        self._files[sequence] = Shard(part)

    def finish(self, source: str, provenance: Mapping[str, Any]) -> None:
        """Write the shard of all encoded sequences, unless it is up to date, and its listing; remove the parts.

        source, provenance: as in `artifacts.latents.write_shard`.
        """
        encoded = {name: key for name, key in self.keys.items() if name in self._files}
        if self._is_written(encoded):
            log.info("%s is up to date", self.path)
        else:
            tensors = {name: tensor for key in encoded for name, tensor in self._files[key].sequence(key).items()}
            write_shard(self.path, tensors, self.content, encoded, source, provenance)
        shutil.rmtree(self.parts, ignore_errors=True)
        write_listing(self.path)

    def _is_written(self, keys: Mapping[str, str]) -> bool:
        return self._written == shard_digest(keys) and all(self._files[name].path == self.path for name in keys)


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
