"""Shards of latents in tests: where they are, what they hold, and how to damage them or their sequences."""

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from inpainting.artifacts import shard_listing
from inpainting.artifacts.latents import Shard
from inpainting.core.files import read_table, write_table
from torch import Tensor

Encode = Callable[..., int]
"""The fixture `encode`."""


def shard_path(results: Path, number: int, content: str = "truth") -> Path:
    return shard_listing.shard_path(results / "latents", content, number)


def copy_shard(results: Path, folder: Path, content: str = "truth") -> Path:
    """Copy the first shard of a content to where `encode` writes it in a folder, and return its path there."""
    copy = shard_path(folder, 0, content)
    copy.parent.mkdir(parents=True)
    return Path(shutil.copy(shard_path(results, 0, content), copy))


def tensors(path: Path) -> dict[str, Tensor]:
    shard = Shard(path)
    return {name: shard.tensor(name).clone() for name in shard.names}


def digest(path: Path) -> str:
    return Shard(path).digest


def training_sequences(results: Path) -> list[str]:
    split = read_table(results / "audit" / "split.tsv")
    return sorted(split.loc[split["split"] == "train", "id"])


def remove_frames(results: Path, but: Collection[str] = ()) -> None:
    """Leave sequences without a single frame, so that whoever reads one fails."""
    for folder in (results / "dataset").iterdir():
        if folder.name not in but:
            shutil.rmtree(folder)
            folder.mkdir()


def flip_a_bit(path: Path, tensor: str) -> None:
    """Change one bit in the middle of a tensor's bytes."""
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[:8], "little")
    first, last = json.loads(data[8 : 8 + length])[tensor]["data_offsets"]
    data[8 + length + (first + last) // 2] ^= 4
    path.write_bytes(bytes(data))


def change_digest(results: Path, name: str) -> None:
    """Give a sequence another digest in the manifest of a folder as `tiny_results` is."""
    path = results / "audit" / "manifest.parquet"
    manifest = read_table(path).set_index("id", drop=False)
    manifest.loc[name, "digest"] = "another"
    write_table(path, manifest)
