"""The csv files of PROVE's evaluation (run_prove_metrics.py of xiaomi-research/prove), written and read.

A row per case with the columns case_id (the video's name), rc_s, rc_t and time (seconds, which we leave empty), and
one of means, whose case_id is AVERAGE.
"""

import csv
import shutil
from pathlib import Path

import pandas as pd

from inpainting.artifacts.examples import COMPOSITED
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import mean_interval
from inpainting.metrics.removal_coherence import COHERENCE_COLUMNS

CASE, AVERAGE = "case_id", "AVERAGE"

FOLDER = "prove"
"""Folder of the files, one per method, beside the tables."""


def write_scores(out: Path, sequences: pd.DataFrame) -> None:
    """Write <method>.csv of each method whose composited output has RC-S or RC-T into `out`; none: no folder is left.

    sequences: `metrics.aggregate.per_sequence`.
    """
    composited = sequences[sequences["output"] == COMPOSITED].dropna(subset=list(COHERENCE_COLUMNS), how="all")
    if composited.empty:
        shutil.rmtree(out, ignore_errors=True)
        return
    with atomic_path(out) as temporary:
        temporary.mkdir()
        for method, scores in composited.groupby("method"):
            table = scores[list(COHERENCE_COLUMNS)].assign(case_id=scores["sequence"] + ".mp4", time="")
            means = {CASE: AVERAGE, **scores[list(COHERENCE_COLUMNS)].mean(), "time": ""}
            table = pd.concat([table, pd.DataFrame([means])])[[CASE, *COHERENCE_COLUMNS, "time"]]
            table.to_csv(temporary / f"{method}.csv", index=False, encoding="utf-8-sig")


def read_scores(path: Path, method: str) -> pd.DataFrame:
    """The cases of a file: the columns method, case_id, rc_s and rc_t, NaN where the file has none.

    Raises UsageError if it does not exist, InputError if it is none of PROVE's.
    """
    with existing(path, "--prove", "a csv file of PROVE's evaluation").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get(CASE) != AVERAGE]
    try:
        if not any(name in row for name in COHERENCE_COLUMNS for row in rows):
            raise ValueError("no case with one of the last two")
        numbers = {name: [float(row.get(name) or "nan") for row in rows] for name in COHERENCE_COLUMNS}
        cases = [row[CASE] for row in rows]
    except (KeyError, ValueError) as error:
        raise InputError(
            f"--prove: {path} should have the columns {CASE}, {', '.join(COHERENCE_COLUMNS)} of PROVE's evaluation, "
            f"found {error}"
        ) from error
    return pd.DataFrame({"method": method, CASE: cases, **numbers})


def summary_of(files: dict[str, Path], seed: int) -> pd.DataFrame:
    """A row per file: method, kind, cases, and means over cases with intervals of rc_s and rc_t."""
    rows = []
    for method, path in files.items():
        scores = read_scores(path, method)
        intervals = [mean_interval(scores[name], seed).columns(name) for name in COHERENCE_COLUMNS]
        rows.append({"method": method, "kind": "external", "cases": len(scores), **intervals[0], **intervals[1]})
    return pd.DataFrame(rows)
