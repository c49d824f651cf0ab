"""results/training/<experiment>/metrics.jsonl and previews.jsonl: progress of a training, one JSON object per line.

A row of metrics.jsonl holds averages since the previous row:
    step                        updates so far
    loss, loss_mask, loss_outside
    loss_mask_tN                loss_mask over a range of timesteps that starts at N, if one was drawn
    grad_norm                   NaN if no update was made
    skipped_updates             steps without an update, since latents or fp16 gradients were not finite
    rate_lora, rate_patch       learning rates; the second only if the patch embedding is trained
    seconds_per_step, data_wait_share, peak_memory_gib
A row of previews.jsonl holds the step and the scores of a preview. `inpaint train` appends rows; when it resumes, it
drops those after the checkpoint. Therefore there is no checksum, and an incomplete last row is ignored.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainting.artifacts.formats import Damaged, check_columns, reading
from inpainting.core.files import write_text

if TYPE_CHECKING:
    import pandas as pd

REQUIRED_COLUMNS = (
    *("step", "loss_mask", "loss_outside", "grad_norm"),
    *("seconds_per_step", "data_wait_share", "peak_memory_gib"),
)
"""Columns of every row of metrics.jsonl."""


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Append a row."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def keep_rows_up_to(path: Path, step: int) -> None:
    """Drop rows after `step`, the checkpoint from which training resumes, and an incomplete last row."""
    if path.is_file():
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows_up_to(path, step)))


def rows_up_to(path: Path, step: int) -> list[dict[str, Any]]:
    """The rows that are not after `step`; none if there is no file."""
    return [row for row in _rows(path) if row["step"] <= step] if path.is_file() else []


def read_metrics(path: Path, option: str | None = None) -> "pd.DataFrame":
    """Read metrics.jsonl, with infinity as NaN; raises InputError if it has no row or is damaged."""
    import pandas as pd

    with reading(path, "the metrics.jsonl of `inpaint train`", option):
        table = pd.DataFrame(_rows(path))
        if table.empty:
            raise Damaged("it has no row; train for more steps, or set log_every lower")
        check_columns(table.columns, REQUIRED_COLUMNS)
        return table.astype(float).replace([float("inf"), float("-inf")], float("nan"))


def _rows(path: Path) -> list[dict[str, Any]]:
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]
