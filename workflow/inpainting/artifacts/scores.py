"""results/evaluation/<method>.parquet: one method's scores, one row per sequence, output and frame, sorted by these.

Columns: method, its label; output, raw (the method's own frames) or composited (with the input outside the hole);
frame, from 1; mask_pixels, the number of pixels of the scored hole; and the columns of the metrics (`metrics.registry`)
of the version that wrote the file. Written by `inpaint evaluate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from inpainting.artifacts.formats import ParquetTable, Provenance, read_provenance

EVALUATION_VERSION = 3
"""Raised by hand when the scores of the same frames change on purpose; scores of another version are made again."""

SCORES = ParquetTable(
    pa.schema(
        [
            ("method", pa.string()),
            ("sequence", pa.string()),
            ("output", pa.string()),
            ("frame", pa.int64()),
            ("mask_pixels", pa.int64()),
        ]
    ),
    wanted="files of `inpaint evaluate`",
    others=True,
)

REQUIRED_COLUMNS = tuple(SCORES.schema.names)
"""Columns of every file; they come first."""


class ScoresProvenance(Provenance):
    """Provenance of a method's scores."""

    label: str
    """The method's name in the tables."""
    kind: str
    """See `artifacts.method_kinds`."""
    description: str
    """What the method does, in a few words."""


@dataclass(frozen=True)
class Results:
    """One method's scores of frames, and their provenance."""

    path: Path
    frames: pd.DataFrame
    provenance: ScoresProvenance

    @property
    def method(self) -> str:
        """The method's name in the tables."""
        return self.provenance.label

    @property
    def kind(self) -> str:
        """See `artifacts.method_kinds`."""
        return self.provenance.kind


def write_results(path: Path, frames: pd.DataFrame, provenance: Mapping[str, Any]) -> None:
    """Write scores of frames, sorted by sequence, output and frame; provenance: the fields of `ScoresProvenance`."""
    SCORES.write(path, frames.sort_values(["sequence", "output", "frame"]), provenance)


def read_results(path: Path, option: str | None = None) -> Results:
    """Read scores, of this or another version; raises InputError if the file is damaged or of another kind."""
    return Results(path, SCORES.read(path, option), read_scores_provenance(path))


def read_scores_provenance(path: Path, option: str | None = None) -> ScoresProvenance:
    """Read the provenance only; raises InputError if the file is damaged or of another kind."""
    return read_provenance(ScoresProvenance, path, SCORES.wanted, option)
