"""The cache of latents on disk: shards of windows and an index over them. Written by `latents`, read by `training`.

A shard is one safetensors file with three tensors per window, named <sequence>/<start>/<what>:
    truth       float16 or float32 [latent frames, channels, rows, columns]: scaled mean of the truth's posterior
    condition   the same shape and dtype: scaled mode of the masked input's posterior
    hole        uint8 [frames, height, ceil(width / 8)]: the undilated hole in pixels, packed to bits
Its metadata hold `digest`, over all that shaped it, and `provenance`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inpainting.errors import InputError
from inpainting.files import atomic_path, read_table
from inpainting.tensor_files import sort_metadata
from inpainting.video import masks
from inpainting.video.masks import Hole

INDEX_COLUMNS = ["sequence", "split", "start", "frames", "height", "width", "coverage", "shard", "digest"]
"""A window's sequence, split, first frame, size, share of pixels that are hole, and its shard's name and digest."""


@dataclass(frozen=True)
class Window:
    """One window of a sequence, encoded."""

    sequence: str
    start: int
    truth: Tensor
    condition: Tensor
    hole: Hole


def write_shard(path: Path, windows: Iterable[Window], digest: str, provenance: dict[str, Any]) -> None:
    """Write a shard, complete or not at all."""
    tensors = {}
    for window in windows:
        name = f"{window.sequence}/{window.start}"
        tensors[f"{name}/truth"] = window.truth.contiguous()
        tensors[f"{name}/condition"] = window.condition.contiguous()
        tensors[f"{name}/hole"] = torch.from_numpy(masks.pack(window.hole))
    metadata = {"digest": digest, "provenance": json.dumps(provenance)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)
        sort_metadata(temporary)


def open_shard(path: Path) -> Any:
    """A shard, memory-mapped, whose tensors are read one by one; raises InputError for one that is not whole."""
    try:
        return safe_open(path, "pt")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or no shard of latents ({error}); delete it and encode again") from error


_open_once = cache(open_shard)


def shard_metadata(path: Path) -> dict[str, str]:
    """A shard's metadata; raises InputError for a shard that is not whole."""
    return open_shard(path).metadata() or {}


class LatentCache:
    """The windows of one split that have a hole, read one by one from memory-mapped shards."""

    def __init__(self, index: Path, split: str) -> None:
        """Open the cache that `index` (index.parquet) describes; raises InputError when a shard is absent or empty."""
        self.folder = index.parent
        table = read_table(index)
        chosen = (table["split"] == split) & (table["coverage"] > 0)
        self.table: pd.DataFrame = table[chosen].reset_index(drop=True)
        if self.table.empty:
            raise InputError(f"{index} holds no window with a hole of the split {split!r}; encode that split first")
        absent = [name for name in self.table["shard"].unique() if not (self.folder / name).is_file()]
        if absent:
            raise InputError(f"{index} names shards that are not there: {', '.join(absent)}; encode them again")

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of the first window's latents."""
        rows, columns = self[0].truth.shape[-2:]
        return rows, columns

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, number: int) -> Window:
        row = self.table.iloc[number]
        shard = _open_once(self.folder / row["shard"])
        name = f"{row['sequence']}/{row['start']}"
        return Window(
            sequence=row["sequence"],
            start=int(row["start"]),
            truth=shard.get_tensor(f"{name}/truth"),
            condition=shard.get_tensor(f"{name}/condition"),
            hole=masks.unpack(shard.get_tensor(f"{name}/hole").numpy(), int(row["width"])),
        )
