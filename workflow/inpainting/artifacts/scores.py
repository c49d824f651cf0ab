"""The file that one method's scores are kept in: a row per sequence, output and frame, with its provenance.

Parquet, sorted; the schema's metadata holds the provenance as JSON under b"provenance". Which scores there are is the
metrics' affair: a file has those of the version that wrote it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path

KEYS = ("method", "sequence", "output", "frame", "mask_pixels")
"""Columns that every file has, first. method: its label; output: raw (the method's own frames) or composited (its hole,
the input elsewhere); frame: from 1; mask_pixels: how many pixels the hole that is scored has."""


@dataclass(frozen=True)
class Results:
    """One method's scores of frames, and where they come from."""

    path: Path
    frames: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def method(self) -> str:
        """The method's name in the tables."""
        return str(self.provenance["label"])

    @property
    def kind(self) -> str:
        """adapter, base, classical, external, ceiling or floor."""
        return str(self.provenance["kind"])


def write_results(path: Path, frames: pd.DataFrame, provenance: dict[str, Any]) -> None:
    """Write scores of frames atomically, KEYS first, sorted by sequence, output and frame."""
    scores = [name for name in frames.columns if name not in KEYS]
    ordered = frames[[*KEYS, *scores]].sort_values(["sequence", "output", "frame"])
    table = pa.Table.from_pandas(ordered, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"provenance": json.dumps(provenance).encode()}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def read_results(path: Path) -> Results:
    """Read what this or another version's `write_results` wrote; raises InputError for any other file."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as parquet ({error}); give files of `inpaint evaluate`") from error
    metadata = table.schema.metadata or {}
    absent = [name for name in KEYS if name not in table.column_names]
    if absent or b"provenance" not in metadata:
        missing = ", ".join(absent) or "its provenance"
        raise InputError(f"{path} lacks {missing}; give files of `inpaint evaluate`")
    return Results(path, table.to_pandas(), json.loads(metadata[b"provenance"]))
