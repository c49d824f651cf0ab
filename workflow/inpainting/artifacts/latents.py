"""results/latents/<content>/shard-N.safetensors: encoded windows. Written by `inpaint encode`, read by `inpaint train`.

The folder <content> is `truth`, or `condition/<source>` for the conditions of a source.

A shard is a safetensors file with tensors named <sequence>/<start>/<what>. A shard of truths holds
    truth       float16 or float32 [latent frames, channels, rows, columns]: scaled mean of the truth's posterior
    logvar      as truth, if the log-variance is kept: scaled log-variance of the posterior
    hole        uint8 [bytes]: the undilated hole in pixels, see `masks.pack`; in shards of earlier versions its bits,
                uint8 [frames, height, ceil(width / 8)]
    difference  uint8 [latent frames, rows, columns]: largest difference of input and truth outside the hole, 0..255
and a shard of conditions, one set per source (see `baselines.settings.ConditionSource`), holds
    condition   as truth: scaled mode of the posterior of the input with its hole filled
Metadata: `content` ("truth" or the conditions' source), `keys` (by sequence, a digest of everything that affects its
tensors), `digest` (of the keys), `source` (digest of the pixels and windows, equal for all contents), `checksums` (of
each tensor, see `core.tensor_files`), `provenance`, and `checksum` (of all these).
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
"""Version of the format above; shards of another version are encoded again."""

VAE = "vae"
"""The input in a shard's provenance that is the digest of the VAE; shards of earlier versions have none."""

ENCODE_AGAIN = "encode again (in the pipeline: remove the .parquet beside it first); undamaged sequences are kept"


@dataclass(frozen=True)
class Window:
    """An encoded window of a sequence; tensors as in the module's docstring, hole: bool [frames, height, width]."""

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
    """Write a shard atomically.

    tensors: by name, with the shapes in the module's docstring, for instance a truth [latent frames, channels, rows,
    columns]; the other arguments are the metadata described there.
    """
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
    """The digest of a shard whose sequences have these keys."""
    return value_digest(dict(keys))


class Shard:
    """A memory-mapped shard. A tensor's checksum is verified when it is first read."""

    def __init__(self, path: Path) -> None:
        """Open a shard; raises InputError if it is damaged or of another version."""
        self.path = path
        try:
            self._file = safe_open(path, "pt")
            metadata = self._file.metadata() or {}
            if metadata.get("format") != SHARD_FORMAT:
                raise InputError(f"{path} is not a shard of latents of this version; {ENCODE_AGAIN}")
            if metadata.pop(CHECKSUM) != value_digest(metadata):
                raise ValueError("the checksum of its metadata does not match")
            self.content, self.digest, self.source = metadata["content"], metadata["digest"], metadata["source"]
            self.keys: dict[str, str] = json.loads(metadata["keys"])
            self.checksums: dict[str, int] = json.loads(metadata["checksums"])
            self.provenance: dict[str, Any] = json.loads(metadata["provenance"])
            self.names: list[str] = sorted(self._file.keys())
            if self.names != sorted(self.checksums):
                raise ValueError("its tensors' names are not those that were written")
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise InputError(f"{path} is damaged or not a shard of latents ({error}); {ENCODE_AGAIN}") from error
        self._read: set[str] = set()

    def shape(self, name: str) -> list[int]:
        """A tensor's shape; reads no data."""
        return list(self._file.get_slice(name).get_shape())

    def tensor(self, name: str) -> Tensor:
        """Read a tensor, such as a truth [latent frames, channels, rows, columns]; see the module's docstring.

        Raises InputError if it is absent or its checksum does not match.
        """
        try:
            tensor: Tensor = self._file.get_tensor(name)
        except SafetensorError as error:
            raise InputError(f"{self.path} is damaged ({error}); {ENCODE_AGAIN}") from error
        if name not in self._read:
            if checksum(tensor) != self.checksums.get(name):
                raise InputError(f"{self.path} is damaged: the checksum of {name} does not match; {ENCODE_AGAIN}")
            self._read.add(name)
        return tensor

    def sequence(self, name: str) -> dict[str, Tensor]:
        """Read all tensors of a sequence by name, such as truths [latent frames, channels, rows, columns].

        Raises InputError as `tensor`.
        """
        return {tensor: self.tensor(tensor) for tensor in self.names if tensor.rsplit("/", 2)[0] == name}


def write_listing(path: Path) -> None:
    """Write a shard's listing, see `artifacts.shard_listing`, beside it."""
    shard = Shard(path)
    columns = {"content": shard.content, "shard": path.name, "digest": shard.digest, "source": shard.source}
    main = "truth" if shard.content == "truth" else "condition"
    rows = []
    for name in shard.names:
        sequence, start, what = name.rsplit("/", 2)
        if what == main:
            rows.append({"sequence": sequence, "start": int(start), **_hole(shard, f"{sequence}/{start}"), **columns})
    SHARD_LISTING.write(listing_path(path), pd.DataFrame(rows, columns=SHARD_LISTING.schema.names))


def _hole(shard: Shard, window: str) -> dict[str, int | float]:
    """Frames, height and width of a window's hole, and its coverage; empty for a condition.

    The hole's bits are padded to whole bytes, so its width is computed from the truth's latent columns (square cells).
    """
    if shard.content != "truth":
        return {}
    hole = masks.unpack(shard.tensor(f"{window}/hole").numpy())
    frames, height, _ = hole.shape
    _, _, rows, columns = shard.shape(f"{window}/truth")
    width = columns * (height // rows)
    return {"frames": frames, "height": height, "width": width, "coverage": float(hole[..., :width].mean())}


class LatentCache:
    """The windows of one split that have a hole, read from memory-mapped shards on access."""

    def __init__(self, index: Path, split: Split) -> None:
        """Open the cache of an index of `inpaint index`.

        Raises InputError if a shard is missing or the split has no window with a hole.
        """
        self.index, self.folder = index, index.parent
        table = LATENT_INDEX.read(index)
        chosen = (table["split"] == split) & (table["coverage"] > 0)
        self.table: pd.DataFrame = table[chosen].reset_index(drop=True)
        if self.table.empty:
            raise InputError(f"{index} has no window with a hole in the split {split!r}; encode that split first")
        names = pd.unique(pd.concat([self.table["truth"], self.table["condition"]]))
        absent = [name for name in names if not (self.folder / name).is_file()]
        if absent:
            raise InputError(f"{index} names shards that do not exist: {', '.join(absent)}; {ENCODE_AGAIN}")
        self._columns = {name: self.table[name].to_numpy() for name in self.table.columns}
        self._shards: dict[str, Shard] = {}

    @property
    def condition_source(self) -> str:
        """What the conditions were encoded from: see `baselines.settings.ConditionSource`."""
        return str(self.table["condition_source"].iloc[0])

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of the first window's latents."""
        rows, columns = self[0].truth.shape[-2:]
        return rows, columns

    def __len__(self) -> int:
        return len(self.table)

    def provenance(self) -> dict[str, dict[str, Any]]:
        """The provenance of the first window's truth and condition, by these names."""
        first = self.table.iloc[0]
        return {part: self._shard(first[part], first[f"{part}_digest"]).provenance for part in ("truth", "condition")}

    def shaping(self) -> dict[str, Any]:
        """Settings that affected truths and conditions."""
        return {part: provenance.get("settings", {}) for part, provenance in self.provenance().items()}

    def __getitem__(self, number: int) -> Window:
        """Read a window; raises InputError if a shard is damaged or was encoded again after it was indexed."""
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
