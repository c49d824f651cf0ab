"""results/evaluation/<method>.parquet: one method's scores, a row per sequence, output and frame, sorted by these.

method is its label; output raw (the method's own frames) or composited (its hole, the input elsewhere); frame counts
from 1; mask_pixels says how many pixels the hole that is scored has. Which scores there are beside is the metrics'
affair: a file has those of the version that wrote it. Written by `inpaint evaluate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from inpainting.artifacts.formats import ParquetTable, Provenance, read_provenance

EVALUATION_VERSION = 1
"""Raised by hand when the scores of the same frames change on purpose: what another version made is made anew."""

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
"""Columns that every file has, first."""


class ScoresProvenance(Provenance):
    """Where a method's scores come from."""

    label: str
    """The method's name in the tables."""
    kind: str
    """See `artifacts.method_kinds`."""
    description: str
    """What the method does, in a few words."""


@dataclass(frozen=True)
class Results:
    """One method's scores of frames, and where they come from."""

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
    """Write scores of frames, sorted by sequence, output and frame; provenance: as `ScoresProvenance` has it."""
    SCORES.write(path, frames.sort_values(["sequence", "output", "frame"]), provenance)


def read_results(path: Path, option: str | None = None) -> Results:
    """Read what this or another version's `write_results` wrote; raises InputError for any other file."""
    return Results(path, SCORES.read(path, option), read_scores_provenance(path))


def read_scores_provenance(path: Path, option: str | None = None) -> ScoresProvenance:
    """The provenance alone; raises InputError for any other file."""
    return read_provenance(ScoresProvenance, path, SCORES.wanted, option)
