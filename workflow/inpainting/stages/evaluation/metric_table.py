"""The table of all metrics of all methods, raw and composited, with intervals and captions."""

from dataclasses import replace

import pandas as pd

from inpainting.artifacts.scores import REQUIRED_COLUMNS, Results
from inpainting.core.html_table import FormattedTable
from inpainting.metrics.aggregate import interval_columns, mean_interval
from inpainting.metrics.metric import Metric
from inpainting.metrics.registry import HEADLINE, METRIC_COLUMNS, METRICS
from inpainting.stages.evaluation.rendering import COMPARISON_COLUMNS, ColumnFormat, format_table, of_comparison

TABLE_COLUMNS = tuple(column for metric in METRICS for column in metric.shown)
"""The columns of `metric_table` that have an interval."""

OF_NETWORKS = {column.name for metric in METRICS if metric.weights for column in metric.shown}
"""Those that need weights: shown even if nobody gave any."""


def metric_table(sequences: pd.DataFrame, kinds: dict[str, str], order: list[str], seed: int) -> pd.DataFrame:
    """A row per method in the given order: method, kind, and <name>, <name>_low and <name>_high of each TABLE_COLUMNS.

    sequences: `metrics.aggregate.per_sequence`. Values are means over sequences with their intervals, NaN if unknown.
    """
    rows = []
    for method in order:
        row: dict[str, object] = {"method": method, "kind": kinds[method]}
        for column in TABLE_COLUMNS:
            chosen = (sequences["method"] == method) & (sequences["output"] == column.output)
            row |= mean_interval(sequences.loc[chosen, column.column] / column.unit, seed).columns(column.name)
        rows.append(row)
    return pd.DataFrame(rows)


def metric_sections(table: pd.DataFrame) -> list[tuple[str, FormattedTable]]:
    """The table split by heading (`TableColumn.part`); sections without any value are left out.

    Those of networks stay, and say that a value was not computed; `metric_captions` says what that needs.
    """
    sections: dict[str, dict[str, ColumnFormat]] = {}
    for column in TABLE_COLUMNS:
        form = ColumnFormat.of(column)
        if column.name in OF_NETWORKS:
            form = replace(form, missing="not computed")
        sections.setdefault(column.part, {})[column.name] = form
    texts = {"method": "Method", "kind": "Kind"}
    return [
        (heading, format_table(table, columns, texts))
        for heading, columns in sections.items()
        if OF_NETWORKS & {*columns} or table[list(columns)].notna().any(axis=None)
    ]


def with_metrics(comparison: pd.DataFrame, metrics: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, ColumnFormat]]:
    """The comparison with every metric that it lacks: one table, and the formats of its columns, the metrics hidden.

    metrics: `metric_table` of the comparison's methods.
    """
    same = {f"{name}_raw" for name in HEADLINE} | set(COMPARISON_COLUMNS) | {"seconds_per_frame_raw"}
    added = {
        column.name: replace(ColumnFormat.of(column), group=column.part, shown=False)
        for column in TABLE_COLUMNS
        if column.name not in same and metrics[column.name].notna().any()
    }
    ends = [name for column in added for name in interval_columns(column)]
    return comparison.merge(metrics[["method", *ends]], on="method"), {**of_comparison(comparison), **added}


def metric_captions(results: list[Results]) -> list[str]:
    """What the metrics measure, which of them some results lack, which columns are unknown, what is not computed."""
    captions = [note for metric in METRICS for note in metric.notes]
    for metric in METRICS:
        if older := [result.method for result in results if _is_older(result, metric)]:
            captions.append(
                f"{metric.title}: not computed by the version that wrote the results of {', '.join(older)}."
            )
    for result in results:
        if unknown := [str(name) for name in result.frames if name not in (*REQUIRED_COLUMNS, *METRIC_COLUMNS)]:
            captions.append(
                f"{result.method}: its results hold {', '.join(unknown)}, which this version does not know."
            )
    absent = [f"{metric.title} (left out by evaluation.extras)" for metric in METRICS if _is_left_out(results, metric)]
    absent += [lacking for metric in METRICS if metric.weights and (lacking := _without_weights(results, metric))]
    absent += [f"{metric.title} (needs {metric.needs})" for metric in METRICS if metric.needs]
    return [*captions, f"Not computed: {'; '.join(absent)}."]


def _is_older(result: Results, metric: Metric) -> bool:
    """Whether the results were written by a version without the metric or one of its columns."""
    return not {*metric.columns} <= {*result.frames}


def _without_weights(results: list[Results], metric: Metric) -> str:
    """Which results lack a metric of networks, and what it needs; "" if none does."""
    lacking = [result for result in results if not {*metric.weights} <= {*result.provenance.inputs}]
    if not lacking:
        return ""
    which = "" if len(lacking) == len(results) else f" for {', '.join(result.method for result in lacking)}"
    return f"{metric.title}{which} (needs {' and '.join(f'evaluation.{name}' for name in metric.weights)})"


def _is_left_out(results: list[Results], metric: Metric) -> bool:
    """Whether a metric is an extra that some results were computed without, by a version that knows it."""
    known = [result for result in results if metric.extra and not _is_older(result, metric)]
    return any(metric.name not in result.provenance.settings["extras"] for result in known)
