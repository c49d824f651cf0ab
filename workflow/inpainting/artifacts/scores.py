"""The file that one method's scores are kept in: a row per sequence, output and frame, with its provenance.

Parquet, sorted, with the columns COLUMNS; the schema's metadata holds the provenance as JSON under b"provenance".
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from inpainting.artifacts.formats import Provenance, read_provenance
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.metrics import propainter_compat
from inpainting.metrics.motion import MOTION
from inpainting.metrics.scores import SCORES

SCORED = (*SCORES, *MOTION, "vmaf", *propainter_compat.COLUMNS)
"""What is computed of every frame; NaN where it was left out, or where a region has no pixel."""

MEASURED = ("seconds_per_frame", "peak_memory_gib")
"""What a method cost on a sequence: the columns that differ from run to run."""

COLUMNS = ("method", "sequence", "output", *SCORED, *MEASURED)
"""method: its label; output: raw (the method's own frames) or composited (its hole, the input elsewhere); frame counts
from 1; propainter_psnr and _ssim stand with the composited output."""


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
    """Write scores of frames atomically, sorted by sequence, output and frame."""
    ordered = frames[list(COLUMNS)].sort_values(["sequence", "output", "frame"])
    table = pa.Table.from_pandas(ordered, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"provenance": json.dumps(provenance).encode()}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)


def read_results(path: Path) -> Results:
    """Read what `write_results` wrote; raises InputError for any other file."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as parquet ({error}); give files of `inpaint evaluate`") from error
    metadata = table.schema.metadata or {}
    absent = [name for name in COLUMNS if name not in table.column_names]
    if absent or b"provenance" not in metadata:
        missing = ", ".join(absent) or "its provenance"
        raise InputError(f"{path} lacks {missing}; give files of `inpaint evaluate`")
    return Results(path, table.to_pandas(), json.loads(metadata[b"provenance"]))


class ScoresProvenance(Provenance):
    """Where a method's scores come from."""

    label: str
    """The method's name in the tables."""
    kind: str
    """See `artifacts.method_kinds`."""
    description: str
    """What the method does, in a few words."""


def read_scores_provenance(path: Path, option: str) -> ScoresProvenance:
    """The provenance alone; raises InputError for any other file, UsageError where there is none."""
    return read_provenance(ScoresProvenance, path, "files of `inpaint evaluate`", option)
