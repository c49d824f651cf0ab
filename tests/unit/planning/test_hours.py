import shutil
from pathlib import Path
from typing import Any

import pytest
from inpainting.config import PipelineConfig, resolve
from inpainting.models.shapes import Base
from inpainting.planning.cards import CARDS
from inpainting.planning.hours import HoursRow, hours_rows, window_arithmetic
from inpainting.planning.work import Work, count_work

CARD = CARDS["h100"]


def write_benchmark(results: Path, name: str, seconds: float) -> None:
    path = results / "benchmarks" / f"{name}.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:09\t400.1\n")


def rows_of(config: PipelineConfig, base: Base, work: Work, results: Path) -> dict[tuple[str, str], HoursRow]:
    return {(row.stage, row.what): row for row in hours_rows(config, base, work, CARD, results)}


@pytest.fixture
def results(tiny_results: Path, tiny_training: Path, tmp_path: Path) -> Path:
    """The tiny results and training as a pipeline would have laid them out."""
    folder = tmp_path / "results"
    shutil.copytree(tiny_results / "latents", folder / "latents")
    shutil.copytree(tiny_training, folder / "training" / "one")
    return folder


def test_hours_are_the_arithmetic_over_the_expected_share_of_the_peak(
    tiny_config: PipelineConfig, base: Base, work: Work, tmp_path: Path
) -> None:
    rows = rows_of(tiny_config, base, work, tmp_path)
    one = window_arithmetic(base, work)
    latents = rows["latents", "truth, grey"]
    assert latents.vae == pytest.approx(2 * work.train_windows * one.encode)
    assert latents.hours == pytest.approx(latents.vae / (0.13 * 989) / 3600)
    validation = rows["validation", "one"]
    assert validation.transformer == pytest.approx(2 * work.validated * work.joint_windows * 50 * one.forward)
    assert {row.origin for row in rows.values()} == {"assumed"}


def test_without_a_card_only_the_arithmetic_is_known(
    tiny_config: PipelineConfig, base: Base, work: Work, tmp_path: Path
) -> None:
    rows = hours_rows(tiny_config, base, work, None, tmp_path)
    assert {(row.hours, row.origin) for row in rows} == {(None, "counted")}


def test_times_of_finished_jobs_replace_assumptions(
    tiny_values: dict[str, Any], base: Base, work: Work, results: Path
) -> None:
    config = resolve(tiny_values | {"training": trained_with(tiny_values)})
    write_benchmark(results, "encode-0", 1800.0)
    write_benchmark(results, "train-one", 7200.0)
    write_benchmark(results, "validate-one-2", 360.0)
    write_benchmark(results, "evaluate-base", 720.0)
    rows = rows_of(config, base, work, results)
    encoded = rows["latents", "truth, grey"].hours
    assert encoded is not None and encoded > 0.5, "of two shards one is timed, and stands for both by its windows"
    assert rows["training", "one"].hours == pytest.approx(2.0)
    assert rows["validation", "one"].hours == pytest.approx(0.2), "two checkpoints, of which one is timed"
    assert rows["evaluation", "base"].hours == pytest.approx(0.2)
    assert {key for key, row in rows.items() if row.origin == "assumed"} == {
        ("evaluation", "one"),
        ("evaluation", "ceiling"),
    }


def test_times_of_another_run_do_not_count(tiny_values: dict[str, Any], base: Base, work: Work, results: Path) -> None:
    for name in ("train-one", "validate-one-2", "encode-0", "evaluate-base"):
        write_benchmark(results, name, 360.0)
    training = trained_with(tiny_values) | {"learning_rate": 0.5}
    config = resolve(tiny_values | {"training": training, "windows": {"window": 17}})
    other = count_work(config, base.geometry, given=None, size="32x32")
    assert {row.origin for row in rows_of(config, base, other, results).values()} == {"assumed"}


def trained_with(values: dict[str, Any]) -> dict[str, Any]:
    """The training section of what `tiny_training` was given."""
    rates = {"learning_rate": 0.01, "patch_learning_rate": 0.02, "outside_weight": 0.1}
    return {**values["training"], **rates}
