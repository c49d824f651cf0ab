"""results/dataset/manifest.parquet: one row per sequence, accepted or rejected. Written by `inpaint audit`.

Columns: see `artifacts.record.Record`, `Soundness` and `Content`. Later steps take the list of sequences from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from inpainting.artifacts.formats import ParquetTable
from inpainting.artifacts.record import ACCEPTED, Record
from inpainting.artifacts.split import SPLIT_TABLE, Split, summary_path
from inpainting.core.errors import InputError
from inpainting.core.settings import existing

MANIFEST = ParquetTable(
    pa.schema(
        [
            ("id", pa.string()),
            ("verdict", pa.string()),
            ("reasons", pa.string()),
            ("warnings", pa.string()),
            ("frames", pa.int32()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("coverage", pa.list_(pa.float32())),
            ("coverage_mean", pa.float64()),
            ("difference_inside", pa.float64()),
            ("difference_outside", pa.float64()),
            ("effect_share", pa.float64()),
            ("camera_motion", pa.float64()),
            ("mask_motion", pa.float64()),
            ("look", pa.string()),
            ("digest", pa.string()),
            ("group", pa.string()),
        ]
    ),
    wanted="the manifest.parquet of `inpaint audit`",
    folders="id",
)


def write_manifest(path: Path, records: Sequence[Record], provenance: Mapping[str, Any]) -> None:
    """Write the records in their order."""
    MANIFEST.write(path, pd.DataFrame([vars(record) for record in records], columns=MANIFEST.schema.names), provenance)


def accepted(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows of the accepted sequences."""
    return manifest[manifest["verdict"] == ACCEPTED].reset_index(drop=True)


def sequence_digests(manifest_file: Path, sequences: Iterable[str]) -> dict[str, str]:
    """The digest of each sequence's frames from the manifest, by id; raises KeyError for an id that is not in it."""
    digests = MANIFEST.read(manifest_file, "--manifest").set_index("id")["digest"]
    return {name: str(digests[name]) for name in sequences}


def read_split(split_file: Path, manifest: pd.DataFrame) -> pd.DataFrame:
    """The table split.tsv; raises InputError if it is cut off.

    A table with split.json beside it is checked by its digest. Without split.json, a table is cut off if it ends before
    the manifest's accepted sequences do and has all of them up to there.
    """
    table = SPLIT_TABLE.read(split_file, "--split-file")
    names = sorted(accepted(manifest)["id"])
    if not summary_path(split_file).exists() and len(table) < len(names) and list(table["id"]) == names[: len(table)]:
        raise InputError(
            f"{split_file} is cut off: it has {len(table)} sequences, and the manifest has {len(names)} accepted ones; "
            "run `inpaint split` again"
        )
    return table


def choose_sequences(
    dataset: Path,
    split_file: Path,
    manifest_file: Path,
    split: Split | Literal["all"],
    frames: int,
    limit: int | None,
) -> dict[str, int]:
    """The first `limit` sequences of a split by id, sorted, each with the number of frames to score, at most `frames`.

    The split "all" means every sequence of the table. Raises InputError if the split is empty or contains a sequence
    that the manifest does not accept.
    """
    existing(dataset, "--dataset", "the folder of the sequences")
    manifest = MANIFEST.read(manifest_file, "--manifest")
    table = read_split(split_file, manifest)
    found = accepted(manifest).set_index("id")["frames"]
    chosen = table if split == "all" else table[table["split"] == split]
    names = sorted(chosen["id"])[:limit]
    if not names:
        raise InputError(f"{split_file} has no sequence in the split {split!r}; more data is needed")
    unknown = [name for name in names if name not in found.index]
    if unknown:
        raise InputError(f"{split_file} names {unknown[0]}, which {manifest_file} does not accept; split again")
    return {name: min(int(found[name]), frames) for name in names}
