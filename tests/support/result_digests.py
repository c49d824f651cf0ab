"""Digests of everything in results/ that must be the same however a run was disturbed, or where it ran."""

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from inpainting.artifacts.formats import CHECKSUM, FILES
from inpainting.core.files import file_digest, read_table
from inpainting.metrics.cost import COST

MEASURED = (*COST.columns, "seconds_per_step", "data_wait_share")
"""How columns and keys begin whose values are measured, and differ from run to run."""

NOT_COMPARED = (
    "logs/*",
    "benchmarks/*",
    "*/tensorboard/*",
    "*.lock",
    # Caches hold when they were written, or measured values, among their keys.
    "*.cache/*",
    "*.items/*",
    # These show measured values; the .tsv they are made from are compared.
    "figures/cost.*",
    "figures/training/*",
    "figures/trainings.*",
    "tables/comparison.*[!v]",
    "tables/metrics.*[!v]",
    "tables/strata.*[!v]",
    "*report.html",
)


def result_digests(results: Path) -> dict[str, str]:
    """SHA-256 of each file's content without measured values, by its name below results/; hidden files are left out."""
    names = sorted(path.relative_to(results) for path in results.rglob("*") if path.is_file())
    shown = [name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]
    return {name: _digest(results / name) for name in shown if not any(fnmatch(name, p) for p in NOT_COMPARED)}


def _digest(path: Path) -> str:
    if path.suffix == ".parquet":
        rows = pq.read_table(path)
        measured = [name for name in rows.column_names if name.startswith(MEASURED)]
        content: Any = [sorted((rows.schema.metadata or {}).items()), rows.drop(measured).to_pylist()]
    elif path.suffix == ".tsv":
        table = read_table(path)
        content = table.drop(columns=[name for name in table if str(name).startswith(MEASURED)]).to_csv()
    elif path.suffix in {".json", ".jsonl"}:
        lines = [path.read_text()] if path.suffix == ".json" else path.read_text().splitlines()
        content = [_without_measured(json.loads(line)) for line in lines]
    else:
        return file_digest(path)
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _without_measured(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: below for key, below in value.items() if not key.startswith(MEASURED)}
        return {key: _without_measured(below) for key, below in kept.items() if key not in (CHECKSUM, FILES)}
    return [_without_measured(below) for below in value] if isinstance(value, list) else value
