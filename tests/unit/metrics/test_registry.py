"""The registry entries of metrics are consistent."""

from inpainting.artifacts.scores import REQUIRED_COLUMNS
from inpainting.metrics.registry import METRIC_COLUMNS, METRICS


def test_no_two_metrics_have_a_column_of_the_same_name() -> None:
    for names in (METRIC_COLUMNS, [name for metric in METRICS for name in metric.pooled]):
        assert len(names) == len(set(names))
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_pooled_and_shown_columns_come_from_columns_of_frames() -> None:
    kept = {name for metric in METRICS for name in metric.pooled}
    for metric in METRICS:
        assert {name for pooled in metric.pooled.values() for name in pooled.columns} <= {
            *REQUIRED_COLUMNS,
            *METRIC_COLUMNS,
        }
        for column in (*metric.shown, *metric.headline):
            assert column.column in kept
            assert column.output in metric.outputs


def test_a_metric_is_computed_or_the_error_names_what_it_needs() -> None:
    for metric in METRICS:
        assert bool(metric.columns) != bool(metric.needs)
        assert bool(metric.notes) == bool(metric.columns), "what is shown is explained"
