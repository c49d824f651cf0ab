"""results/training/<experiment>/metrics.jsonl and previews.jsonl: how a training goes, a row of JSON per line.

A row of metrics.jsonl holds averages since the row before:
    step                        updates made
    loss, loss_mask, loss_outside
    loss_mask_tN                loss_mask over a range of timesteps, N the first, where one was drawn
    grad_norm                   NaN if no update was made
    skipped_updates             steps without an update, since latents or fp16 gradients were not finite
    rate_lora, rate_patch       learning rates, the second where the patch embedding trains
    seconds_per_step, data_wait_share, peak_memory_gib
and one of previews.jsonl the step and the scores of a preview. Rows are appended by `inpaint train`, which drops those
that a run it goes on from never reached; so there is no checksum, and a last row that was cut off is left out.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainting.artifacts.formats import Damaged, check_columns, reading
from inpainting.core.files import write_text

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("step", "loss_mask", "loss_outside", "grad_norm", "seconds_per_step", "data_wait_share", "peak_memory_gib")
"""Columns of metrics.jsonl that are always there."""


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def keep_rows_up_to(path: Path, step: int) -> None:
    """Drop rows past the checkpoint that a run goes on from, and a last row that was cut off."""
    if path.is_file():
        rows = [row for row in _rows(path) if row["step"] <= step]
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def read_metrics(path: Path, option: str | None = None) -> "pd.DataFrame":
    """The rows of metrics.jsonl, infinity as NaN; raises InputError for one that has none or is damaged."""
    import pandas as pd

    with reading(path, "the metrics.jsonl of `inpaint train`", option):
        table = pd.DataFrame(_rows(path))
        if table.empty:
            raise Damaged("it has no row; train for more steps, or set log_every lower")
        check_columns(table.columns, NEEDED)
        return table.astype(float).replace([float("inf"), float("-inf")], float("nan"))


def _rows(path: Path) -> list[dict[str, Any]]:
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]
