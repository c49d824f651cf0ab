"""The manifest: a row per sequence, accepted or rejected, that every later step reads instead of the folders."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from inpainting.artifacts.reasons import Finding
from inpainting.artifacts.record import Record
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, write_table

SCHEMA = pa.schema(
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
)


def write_manifest(path: Path, records: Sequence[Record], provenance: dict[str, Any]) -> None:
    """Write records as parquet, atomically; `provenance` goes into the file's metadata as JSON."""
    schema = SCHEMA.with_metadata({"provenance": json.dumps(provenance, ensure_ascii=False)})
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(record) for record in records], schema), temporary)


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance that a manifest carries."""
    provenance: dict[str, Any] = json.loads(pq.read_schema(path).metadata[b"provenance"])
    return provenance


def read_manifest(path: Path) -> pd.DataFrame:
    """All sequences of a manifest, sorted by id. Raises InputError for a file that is no manifest."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} can't be read as parquet ({error}); make it with `inpaint audit`") from error
    if not set(SCHEMA.names) <= set(table.column_names):
        absent = ", ".join(sorted(set(SCHEMA.names) - set(table.column_names)))
        raise InputError(f"{path} is no manifest: it lacks {absent}; make it with `inpaint audit`")
    return table.to_pandas().sort_values("id", ignore_index=True)


def write_findings(path: Path, findings: dict[str, list[Finding]], rejects: bool) -> None:
    """Write what a person reads: id, reason, frame, detail; one row per finding that rejects, or that warns, by id."""
    rows = [
        (name, finding.reason.code, finding.frame, finding.detail)
        for name in sorted(findings)
        for finding in findings[name]
        if finding.reason.rejects is rejects
    ]
    table = pd.DataFrame(rows, columns=["id", "reason", "frame", "detail"])
    write_table(path, table.astype({"frame": "Int64"}))
