"""The sequences that could not be encoded: latents/shard-N.left_out.tsv, for a person to read.

Columns: id; start, the first frame (from 0) of the window that failed, empty if the sequence could not be read; reason.
They are encoded in none of the contents that lacked them, and index and training go without them. Every run of
`inpaint encode` tries them again.
"""

import logging
from pathlib import Path

import pandas as pd

from inpainting.core.errors import InputError
from inpainting.core.files import write_table

log = logging.getLogger(__name__)


def left_out_path(latents: Path, shard: int) -> Path:
    """The table of the sequences that the shards of a number lack, in the folder of the latents."""
    return latents / f"shard-{shard}.left_out.tsv"


class LeftOut:
    """Collects the sequences that can't be encoded and writes their table after each one."""

    def __init__(self, latents: Path, shard: int, sequences: int, max_share: float) -> None:
        """Start without any, and delete the table of an earlier run.

        sequences: number of the shard's sequences; max_share: share of them, 0..1, that may be left out.
        """
        self.table, self.sequences, self.max_share = left_out_path(latents, shard), sequences, max_share
        self._rows: list[tuple[str, int | None, str]] = []
        self.table.unlink(missing_ok=True)

    def add(self, sequence: str, start: int | None, reason: str) -> None:
        """Leave a sequence out; raises InputError if these are more than `max_share`, or all of the shard."""
        self._rows.append((sequence, start, reason))
        log.warning("%s is left out: %s", sequence, reason)
        rows = pd.DataFrame(self._rows, columns=["id", "start", "reason"])
        write_table(self.table, rows.astype({"start": "Int64"}))
        allowed = min(int(self.max_share * self.sequences), self.sequences - 1)
        if len(self._rows) > allowed:
            raise InputError(
                f"{len(self._rows)} of {self.sequences} sequences of this shard can't be encoded, and --max-left-out "
                f"{self.max_share:g} allows {allowed} ({self.table} lists them). The last one: {reason}"
            )
