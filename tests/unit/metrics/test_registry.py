"""The registry entries of metrics are consistent."""

from pathlib import Path

from inpainting.artifacts.scores import REQUIRED_COLUMNS
from inpainting.metrics.registry import METRIC_COLUMNS, METRICS, weight_files


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


def test_the_files_of_weights_are_those_that_a_metric_uses(tmp_path: Path) -> None:
    vgg16, lpips, dinov2 = tmp_path / "vgg16.pth", tmp_path / "lpips.pth", tmp_path / "dinov2"
    dinov2.mkdir()
    for file in (vgg16, lpips, dinov2 / "config.json", dinov2 / "model.safetensors"):
        file.touch()
    assert weight_files({"vgg16_weights": vgg16}) == []
    assert weight_files({"vgg16_weights": vgg16, "lpips_weights": lpips}) == [lpips, vgg16]
    assert weight_files({"dinov2_weights": dinov2}) == [dinov2 / "config.json", dinov2 / "model.safetensors"]
