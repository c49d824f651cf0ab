"""Every metric of every method, raw and composited, with intervals; and what is not computed, said in one place."""

import pandas as pd

from inpainting.artifacts.scores import REQUIRED_COLUMNS, Results
from inpainting.metrics.aggregate import mean_interval
from inpainting.metrics.metric import Metric
from inpainting.metrics.registry import METRIC_COLUMNS, METRICS
from inpainting.stages.evaluation.rendering import Column, Shown, show

TABLE_COLUMNS = tuple(column for metric in METRICS for column in metric.shown)
"""All columns of `metric_table` with an interval each."""


def metric_table(sequences: pd.DataFrame, kinds: dict[str, str], order: list[str], seed: int) -> pd.DataFrame:
    """A row per method, in the order given: method, kind, and of each of TABLE_COLUMNS <name>, _low and _high.

    sequences: `metrics.aggregate.per_sequence`. Means over sequences with their intervals; NaN where nothing is known.
    """
    rows = []
    for method in order:
        row: dict[str, object] = {"method": method, "kind": kinds[method]}
        for column in TABLE_COLUMNS:
            chosen = (sequences["method"] == method) & (sequences["output"] == column.output)
            row |= mean_interval(sequences.loc[chosen, column.column] / column.unit, seed).columns(column.name)
        rows.append(row)
    return pd.DataFrame(rows)


def shown_parts(table: pd.DataFrame) -> list[tuple[str, Shown]]:
    """The parts of which something is known, each with its heading."""
    parts: dict[str, dict[str, Column]] = {}
    for column in TABLE_COLUMNS:
        parts.setdefault(column.part, {})[column.name] = Column.of(column)
    texts = {"method": "Method", "kind": "Kind"}
    return [
        (heading, show(table, columns, texts))
        for heading, columns in parts.items()
        if table[list(columns)].notna().any(axis=None)
    ]


def metric_notes(results: list[Results]) -> list[str]:
    """What the metrics are, what these results lack of them or have beside them, and what is not computed at all."""
    notes = [note for metric in METRICS for note in metric.notes]
    for metric in METRICS:
        if older := [result.method for result in results if _is_older(result, metric)]:
            notes.append(f"{metric.title}: not computed by the version that wrote the results of {', '.join(older)}.")
    for result in results:
        if unknown := [str(name) for name in result.frames if name not in (*REQUIRED_COLUMNS, *METRIC_COLUMNS)]:
            notes.append(f"{result.method}: its results hold {', '.join(unknown)}, which this version does not know.")
    absent = [f"{metric.title} (left out by evaluation.extras)" for metric in METRICS if _is_left_out(results, metric)]
    absent += [f"{metric.title} (needs {metric.needs})" for metric in METRICS if metric.needs]
    return [*notes, f"Not computed: {'; '.join(absent)}."]


def _is_older(result: Results, metric: Metric) -> bool:
    """Whether results were written before the metric, or one of its columns, was there."""
    return not {*metric.columns} <= {*result.frames}


def _is_left_out(results: list[Results], metric: Metric) -> bool:
    """Whether an extra is known to the versions that wrote the results, and was not asked for in all of them."""
    known = [result for result in results if metric.extra and not _is_older(result, metric)]
    return any(metric.name not in result.provenance.settings["extras"] for result in known)
