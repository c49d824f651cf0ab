"""The cache of latents on disk: shards of windows and an index over them. Written by `latents`, read by `training`.

A shard is one safetensors file of one content, its tensors named <sequence>/<start>/<what>. A shard of truths holds
    truth       float16 or float32 [latent frames, channels, rows, columns]: scaled mean of the truth's posterior
    hole        uint8 [frames, height, ceil(width / 8)]: the undilated hole in pixels, packed to bits
and a shard of conditions, of which there are as many sets as signals (see `filling.settings.Signal`),
    condition   as truth: scaled mode of the posterior of the input with its hole filled
Its metadata hold `content` ("truth" or the signal), `digest` over all that shaped it, `source` over the pixels and
windows that it shares with other contents, and `provenance`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inpainting.errors import InputError
from inpainting.files import atomic_path, read_table
from inpainting.tensor_files import sort_metadata
from inpainting.video import masks
from inpainting.video.masks import Hole

INDEX_COLUMNS = [
    *("sequence", "split", "start", "frames", "height", "width", "coverage"),
    *("signal", "truth", "truth_digest", "condition", "condition_digest"),
]
"""A window's sequence, split, first frame, size and share of pixels that are hole; the signal of its condition, and for
truth and condition the shard, as seen from the index's folder, with the shard's digest."""


@dataclass(frozen=True)
class Window:
    """One window of a sequence, encoded."""

    sequence: str
    start: int
    truth: Tensor
    condition: Tensor
    hole: Hole


def write_shard(
    path: Path, tensors: Mapping[str, Tensor], content: str, digest: str, source: str, provenance: dict[str, Any]
) -> None:
    """Write a shard, complete or not at all."""
    metadata = {"content": content, "digest": digest, "source": source, "provenance": json.dumps(provenance)}
    with atomic_path(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata=metadata)
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
        """Open the cache that `index` (of `inpaint index`) describes.

        Raises InputError when a shard is absent or no window is of the split.
        """
        self.folder = index.parent
        table = read_table(index)
        chosen = (table["split"] == split) & (table["coverage"] > 0)
        self.table: pd.DataFrame = table[chosen].reset_index(drop=True)
        if self.table.empty:
            raise InputError(f"{index} holds no window with a hole of the split {split!r}; encode that split first")
        names = pd.unique(pd.concat([self.table["truth"], self.table["condition"]]))
        absent = [name for name in names if not (self.folder / name).is_file()]
        if absent:
            raise InputError(f"{index} names shards that are not there: {', '.join(absent)}; encode them again")

    @property
    def signal(self) -> str:
        """What the VAE encoded as the conditions: see `filling.settings.Signal`."""
        return str(self.table["signal"].iloc[0])

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of the first window's latents."""
        rows, columns = self[0].truth.shape[-2:]
        return rows, columns

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, number: int) -> Window:
        row = self.table.iloc[number]
        truths, conditions = (_open_once(self.folder / row[content]) for content in ("truth", "condition"))
        name = f"{row['sequence']}/{row['start']}"
        return Window(
            sequence=row["sequence"],
            start=int(row["start"]),
            truth=truths.get_tensor(f"{name}/truth"),
            condition=conditions.get_tensor(f"{name}/condition"),
            hole=masks.unpack(truths.get_tensor(f"{name}/hole").numpy(), int(row["width"])),
        )
