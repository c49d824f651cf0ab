"""results/latents/<content>/shard-N.safetensors: encoded windows. Written by `inpaint encode`, read by `inpaint train`.

A shard is one safetensors file of one content, its tensors named <sequence>/<start>/<what>. A shard of truths holds
    truth       float16 or float32 [latent frames, channels, rows, columns]: scaled mean of the truth's posterior
    logvar      as truth, where the posterior's spread is kept: its scaled log-variance
    hole        uint8 [frames, height, ceil(width / 8)]: the undilated hole in pixels, packed to bits
    difference  uint8 [latent frames, rows, columns]: the most grey levels that input and truth differ by outside it
and a shard of conditions, of which there is a set for each source (see `baselines.settings.ConditionSource`),
    condition   as truth: scaled mode of the posterior of the input with its hole filled
Its metadata hold `content` ("truth" or the conditions' source), `keys` (by sequence, a digest of all that shaped its
tensors), `digest` (over the keys), `source` (a digest of the pixels and windows that it shares with other contents),
`checksums` (of each tensor: see `core.tensor_files`), `provenance`, and a `checksum` over all these.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inpainting.artifacts.formats import CHECKSUM
from inpainting.artifacts.latent_index import LATENT_INDEX
from inpainting.artifacts.shard_listing import SHARD_LISTING, listing_path
from inpainting.artifacts.split import Split
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, value_digest
from inpainting.core.tensor_files import checksum, sort_metadata
from inpainting.video import masks
from inpainting.video.masks import Hole

SHARD_FORMAT = "3"
"""Version of all that the module's docstring says; shards of another are made again."""

ENCODE_AGAIN = "encode again (in the pipeline: remove the .parquet beside it first); what is whole will be kept"


@dataclass(frozen=True)
class Window:
    """One window of a sequence, encoded."""

    sequence: str
    start: int
    truth: Tensor
    condition: Tensor
    hole: Hole
    difference: Tensor | None = None
    logvar: Tensor | None = None


def write_shard(
    path: Path,
    tensors: Mapping[str, Tensor],
    content: str,
    keys: Mapping[str, str],
    source: str,
    provenance: Mapping[str, Any],
) -> None:
    """Write a shard, complete or not at all."""
    contiguous = {name: tensors[name].contiguous() for name in sorted(tensors)}
    metadata = {
        "format": SHARD_FORMAT,
        "content": content,
        "digest": shard_digest(keys),
        "keys": json.dumps(dict(sorted(keys.items()))),
        "source": source,
        "checksums": json.dumps({name: checksum(tensor) for name, tensor in contiguous.items()}),
        "provenance": json.dumps(provenance),
    }
    metadata[CHECKSUM] = value_digest(metadata)
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, metadata=metadata)
        sort_metadata(temporary)


def shard_digest(keys: Mapping[str, str]) -> str:
    """What a shard of sequences of these keys has as its digest."""
    return value_digest(dict(keys))


class Shard:
    """A shard on disk, memory-mapped. A tensor is held against its checksum when it is first read."""

    def __init__(self, path: Path) -> None:
        """Open a shard; raises InputError for one that is not whole or of another version."""
        self.path = path
        try:
            self._file = safe_open(path, "pt")
            about = self._file.metadata() or {}
            if about.get("format") != SHARD_FORMAT:
                raise InputError(f"{path} is no shard of latents of this version; {ENCODE_AGAIN}")
            if about.pop(CHECKSUM) != value_digest(about):
                raise ValueError("its metadata have another checksum")
            self.content, self.digest, self.source = about["content"], about["digest"], about["source"]
            self.keys: dict[str, str] = json.loads(about["keys"])
            self.checksums: dict[str, int] = json.loads(about["checksums"])
            self.provenance: dict[str, Any] = json.loads(about["provenance"])
            self.names: list[str] = sorted(self._file.keys())
            if self.names != sorted(self.checksums):
                raise ValueError("its tensors have other names")
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise InputError(f"{path} is damaged or no shard of latents ({error}); {ENCODE_AGAIN}") from error
        self._read: set[str] = set()

    def shape(self, name: str) -> list[int]:
        """A tensor's shape, without its data."""
        return list(self._file.get_slice(name).get_shape())

    def tensor(self, name: str) -> Tensor:
        """A tensor by name; raises InputError where it is absent or its bytes are not those that were written."""
        try:
            tensor: Tensor = self._file.get_tensor(name)
        except SafetensorError as error:
            raise InputError(f"{self.path} is damaged ({error}); {ENCODE_AGAIN}") from error
        if name not in self._read:
            if checksum(tensor) != self.checksums.get(name):
                raise InputError(f"{self.path} is damaged: {name} is not what was written; {ENCODE_AGAIN}")
            self._read.add(name)
        return tensor

    def sequence(self, name: str) -> dict[str, Tensor]:
        """All tensors of a sequence, checked as `tensor` does."""
        return {tensor: self.tensor(tensor) for tensor in self.names if tensor.rsplit("/", 2)[0] == name}


def write_listing(path: Path) -> None:
    """Write the listing of a shard beside it."""
    shard = Shard(path)
    about = {"content": shard.content, "shard": path.name, "digest": shard.digest, "source": shard.source}
    main = "truth" if shard.content == "truth" else "condition"
    rows = []
    for name in shard.names:
        sequence, start, what = name.rsplit("/", 2)
        if what == main:
            rows.append({"sequence": sequence, "start": int(start), **_hole(shard, f"{sequence}/{start}"), **about})
    SHARD_LISTING.write(listing_path(path), pd.DataFrame(rows, columns=SHARD_LISTING.schema.names))


def _hole(shard: Shard, window: str) -> dict[str, int | float]:
    """The size of a window's hole in frames and pixels, and its share of all pixels; nothing for a condition.

    The hole's bits are padded to whole bytes, so its width follows from the truth's columns of square latent cells.
    """
    if shard.content != "truth":
        return {}
    frames, height, _ = shard.shape(f"{window}/hole")
    _, _, rows, columns = shard.shape(f"{window}/truth")
    width = columns * (height // rows)
    coverage = float(masks.unpack(shard.tensor(f"{window}/hole").numpy(), width).mean())
    return {"frames": frames, "height": height, "width": width, "coverage": coverage}


class LatentCache:
    """The windows of one split that have a hole, read one by one from memory-mapped shards."""

    def __init__(self, index: Path, split: Split) -> None:
        """Open the cache that `index` (of `inpaint index`) describes.

        Raises InputError when a shard is absent or no window is of the split.
        """
        self.index, self.folder = index, index.parent
        table = LATENT_INDEX.read(index)
        chosen = (table["split"] == split) & (table["coverage"] > 0)
        self.table: pd.DataFrame = table[chosen].reset_index(drop=True)
        if self.table.empty:
            raise InputError(f"{index} holds no window with a hole of the split {split!r}; encode that split first")
        names = pd.unique(pd.concat([self.table["truth"], self.table["condition"]]))
        absent = [name for name in names if not (self.folder / name).is_file()]
        if absent:
            raise InputError(f"{index} names shards that are not there: {', '.join(absent)}; {ENCODE_AGAIN}")
        self._columns = {name: self.table[name].to_numpy() for name in self.table.columns}
        self._shards: dict[str, Shard] = {}

    @property
    def condition_source(self) -> str:
        """What the VAE encoded as the conditions: see `baselines.settings.ConditionSource`."""
        return str(self.table["condition_source"].iloc[0])

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of the first window's latents."""
        rows, columns = self[0].truth.shape[-2:]
        return rows, columns

    def __len__(self) -> int:
        return len(self.table)

    def shaping(self) -> dict[str, Any]:
        """The settings that shaped the truths and the conditions, as the first window's shards tell them."""
        first = self.table.iloc[0]
        shards = {part: self._shard(first[part], first[f"{part}_digest"]) for part in ("truth", "condition")}
        return {part: shard.provenance.get("settings", {}) for part, shard in shards.items()}

    def __getitem__(self, number: int) -> Window:
        """A window; raises InputError where a shard is damaged, or was encoded again after it was indexed."""
        row = {name: column[number] for name, column in self._columns.items()}
        truths = self._shard(row["truth"], row["truth_digest"])
        conditions = self._shard(row["condition"], row["condition_digest"])
        name = f"{row['sequence']}/{row['start']}"
        return Window(
            sequence=row["sequence"],
            start=int(row["start"]),
            truth=truths.tensor(f"{name}/truth"),
            condition=conditions.tensor(f"{name}/condition"),
            hole=masks.unpack(truths.tensor(f"{name}/hole").numpy(), int(row["width"])),
            difference=truths.tensor(f"{name}/difference") if f"{name}/difference" in truths.checksums else None,
            logvar=truths.tensor(f"{name}/logvar") if f"{name}/logvar" in truths.checksums else None,
        )

    def _shard(self, name: str, digest: str) -> Shard:
        if name not in self._shards:
            shard = Shard(self.folder / name)
            if shard.digest != digest:
                raise InputError(
                    f"{shard.path} was encoded again since {self.index} was made; run `inpaint index` again"
                )
            self._shards[name] = shard
        return self._shards[name]
