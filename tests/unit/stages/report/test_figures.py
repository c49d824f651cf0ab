from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.core.figures import styled
from inpainting.stages.report.difficulty import difficulty_figure
from inpainting.stages.report.draw_comparison import comparison_figure, cost_figure, label_places, ranked, strata_figure
from inpainting.stages.report.draw_sequences import sequences_figure
from inpainting.stages.report.draw_training import running_mean, timestep_losses, training_figure
from inpainting.stages.report.draw_trainings import line_style
from inpainting.stages.report.rivals import Rival, Rivals
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.report.conftest import Results


def training_row(step: int, loss: float = 0.5) -> dict[str, float]:
    return {
        "step": step,
        "loss": loss,
        "loss_mask": loss,
        "loss_outside": 0.5 * loss,
        "grad_norm": 0.1 / step,
        "rate_lora": 1e-4,
        "rate_patch": 5e-5,
        "seconds_per_step": 0.5,
        "data_wait_share": 0.1,
        "peak_memory_gib": 1.5,
    }


def write_training(folder: Path, rows: list[dict[str, float]], experiment: str = "lora") -> None:
    provenance: dict[str, dict[str, str]] = {"settings": {}, "versions": {}, "inputs": {}}
    summary = TrainingSummary(
        experiment=experiment, checkpoints=[2], windows=1, trainable_weights=1, provenance=provenance
    )
    summary.write(folder / "training.json")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def draw_training(draw: Callable[..., int], folder: Path, rows: list[dict[str, float]]) -> int:
    write_training(folder, rows)
    names = {"metrics": "metrics.jsonl", "training": "training.json", "png": "loss.png", "svg": "loss.svg"}
    return draw("draw-training", {option: folder / name for option, name in names.items()})


@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_training_of_any_length_is_drawn(draw: Callable[..., int], tmp_path: Path, count: int) -> None:
    assert draw_training(draw, tmp_path, [training_row(step, 1 / step) for step in range(1, count + 1)]) == 0
    Image.open(tmp_path / "loss.png").verify()


def test_the_numbers_of_a_logarithmic_axis_are_plain() -> None:
    rows = pd.DataFrame([training_row(step, 1 / step) for step in range(1, 301)])
    with styled():
        figure = training_figure("lora", rows)
        figure.draw_without_rendering()
    for axes in figure.axes:
        if axes.get_yscale() == "log":
            labels = [label.get_text() for label in axes.get_yticklabels()]
            assert all(float(text) > 0 for text in labels if text)
    assert "log" in {axes.get_yscale() for axes in figure.axes}


def test_the_loss_by_timestep_is_the_mean_of_the_first_and_of_the_last_quarter() -> None:
    rows = [training_row(step) | {"loss_mask_t0": float(step), "loss_mask_t900": 8.0} for step in range(1, 9)]
    rows[7]["loss_mask_t0"] = math.nan
    means = timestep_losses(pd.DataFrame(rows))
    assert means.index.tolist() == [50, 950]
    assert means["first"].tolist() == [1.5, 8.0]
    assert means["last"].tolist() == [7.0, 8.0]


def test_a_training_without_a_patch_embedding_and_with_losses_by_timestep_is_drawn(
    draw: Callable[..., int], tmp_path: Path
) -> None:
    rows = [training_row(step) | {f"loss_mask_t{t}00": 1.0 / (t + step) for t in range(10)} for step in range(1, 9)]
    for row in rows:
        del row["rate_patch"]
    assert draw_training(draw, tmp_path, rows) == 0


def test_all_trainings_are_drawn_together_with_lines_that_differ(draw: Callable[..., int], tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"t{number}").mkdir()
        write_training(tmp_path / f"t{number}", [training_row(step, 1 / step) for step in range(1, 9)], f"run-{number}")
    trainings = ",".join(str(tmp_path / f"t{number}" / "training.json") for number in range(2))
    assert draw("draw-trainings", {"trainings": trainings, "png": tmp_path / "a.png", "svg": tmp_path / "a.svg"}) == 0
    assert len({str(line_style(number)) for number in range(30)}) == 30


def test_a_training_that_diverged_is_drawn(draw: Callable[..., int], tmp_path: Path) -> None:
    assert draw_training(draw, tmp_path, [training_row(1), training_row(2, math.inf), training_row(3, math.nan)]) == 0


def test_a_training_without_rows_is_refused(
    draw: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw_training(draw, tmp_path, []) == 1
    assert "metrics.jsonl is damaged or of another kind (it has no row" in capsys.readouterr().err


def test_the_same_figure_has_the_same_bytes(tmp_path: Path, results: Results) -> None:
    for name in ("first", "second"):
        assert results.draw_comparison(tmp_path / name) == 0
        assert results.draw_dataset(tmp_path / name) == 0
    files = {path.name for path in (tmp_path / "first").iterdir()}
    assert files == {
        "comparison.png",
        "comparison.svg",
        "strata.png",
        "strata.svg",
        "cost.png",
        "cost.svg",
        "samples.jpg",
        "random.jpg",
        "coverage.png",
        "coverage.svg",
        "dataset.html",
    }
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_the_running_mean_keeps_a_constant_and_smooths_noise() -> None:
    noise = pd.Series(np.random.default_rng(0).normal(5, 1, 400))
    assert running_mean(pd.Series([3.0] * 50)).eq(3.0).all()
    assert running_mean(noise).std() < 0.5 * noise.std()
    assert len(running_mean(noise)) == 400


@pytest.mark.parametrize("low", [None, 19.0])
@pytest.mark.parametrize("tried", [(5,), (2, 5, 20)])
def test_checkpoints_are_drawn_with_and_without_intervals_and_choices_of_steps(
    draw: Callable[..., int], tmp_path: Path, low: float | None, tried: tuple[int, ...]
) -> None:
    scores = {
        name: {"mean": mean, "low": low, "high": None if low is None else 30.0}
        for name, mean in (("psnr_mask", 20.0), ("ssim_mask", 0.5), ("detail_mask", -2.0))
    }
    best = {
        "step": 2,
        "criterion": "psnr_mask",
        "difference_to_training": 0.0,
        "provenance": {"settings": {}, "versions": {}, "inputs": {}},
        "why": "highest mean psnr_mask of the raw output over 3 validation sequences",
        "scores": scores,
        "by_criterion": {"psnr_mask": {"step": 2, "sampling_steps": 5}, "mean_rank": {"step": 1, "sampling_steps": 2}},
        "sampling_steps": 5,
        "candidates": [
            {"step": step, "sampling_steps": steps, "seconds_per_frame": 0.1 * steps, "scores": scores}
            for step in (1, 2)
            for steps in tried
        ],
    }
    (tmp_path / "best.json").write_text(json.dumps(best))
    files = {"best": tmp_path / "best.json", "png": tmp_path / "a.png", "svg": tmp_path / "a.svg"}
    assert draw("draw-checkpoints", files, "--experiment", "lora") == 0


RIVALS = Rivals(Rival("lora", "adapter"), Rival("a_b", "classical"))


def scores_of(count: int) -> pd.DataFrame:
    scores = pd.DataFrame({"ours": np.linspace(10, 30, count), "reference": np.linspace(20, 25, count)})
    return scores.assign(gain=scores["ours"] - scores["reference"])


@pytest.mark.parametrize("count", [0, 1, 500])
def test_any_number_of_sequences_is_drawn(count: int) -> None:
    scores = scores_of(count)
    with styled():
        figure = sequences_figure(scores, RIVALS)
    assert figure.axes[0].get_xlabel() == "a b"
    assert figure.axes[1].get_ylabel() == "lora\nminus a b"
    assert f"on {int((scores['gain'] > 0).sum())} of {count}" in figure.axes[0].texts[0].get_text()


@pytest.mark.parametrize("count", [0, 1, 500])
def test_scores_are_drawn_against_mask_size_and_motion_with_medians_of_many(count: int) -> None:
    columns = ("coverage_mean", "mask_motion", "camera_motion")
    manifest = pd.DataFrame({"id": range(count), **{name: np.linspace(0, 0.5, count) for name in columns}})
    with styled():
        figure = difficulty_figure(scores_of(count), manifest, RIVALS)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Mask size", "Mask motion", "Camera motion"]
    lines = [line for line in figure.axes[0].lines if np.size(line.get_xdata()) > 1]
    assert len(lines) == (2 if count == 500 else 0)


def test_the_best_method_is_taken_of_the_first_kind_that_was_compared_or_of_all() -> None:
    rows = [("ceiling", "ceiling", 40.0), ("z", "base", 30.0), ("y", "adapter", 25.0), ("x", "adapter", 20.0)]
    assert Rivals.of(comparison_of(*rows)) == Rivals(Rival("y", "adapter"), Rival("ceiling", "ceiling"))


def comparison_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["method", "kind", "psnr_mask"]).assign(ssim_mask=0.5, sequences=3)
    table["members"] = table["method"]
    ends = {f"{score}_{end}": math.nan for score in ("psnr_mask", "ssim_mask") for end in ("low", "high")}
    return table.assign(**ends)


def test_a_ceiling_alone_is_drawn() -> None:
    table = comparison_of(("ceiling", "ceiling", 40.0))
    strata = table.assign(stratum="camera", value="still")
    with styled():
        assert comparison_figure(table).axes and strata_figure(strata, ranked(table)).axes


def test_methods_are_ranked_by_their_score_and_the_ceiling_is_a_line() -> None:
    table = comparison_of(("ceiling", "ceiling", 40.0), ("a_b", "classical", 20.0), ("lora_x", "adapter", 25.0))
    assert ranked(table) == ["lora_x", "a_b"]
    with styled():
        figure = comparison_figure(table)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lora_x", "a b"]
    assert "ceiling 40.0" in [text.get_text() for text in axes.texts]
    shown = figure.legends[0].get_title().get_text()
    assert shown == "mean over 3 sequences, bar: 95 % bootstrap interval over sequences; fine-tuned: 1 training each"


def test_quality_against_run_time_has_a_marker_per_method_but_the_ceiling() -> None:
    table = comparison_of(("ceiling", "ceiling", 40.0), ("a_b", "classical", 20.0), ("lora_x", "adapter", 25.0))
    with styled():
        figure = cost_figure(table.assign(seconds_per_frame=[0.1, 0.0, 2.0]))
    assert [text.get_text() for text in figure.axes[0].texts] == ["a b", "lora_x"]


def test_labels_of_methods_that_take_like_time_do_not_overlap() -> None:
    rows = pd.DataFrame({"seconds": [1.0, 1.1, 5.0, 1.05], "psnr_mask": [20.0, 20.1, 20.0, 15.0]})
    low, high, alone, far = label_places(rows, height=0.1)
    assert (alone, far) == ((5.0, 20.0), (1.1, 15.0))
    assert high == (1.1, 20.1) and low == (1.1, pytest.approx(20.1 - 0.1 * 5.1))


def test_methods_without_a_score_keep_their_row() -> None:
    table = comparison_of(("a", "classical", math.nan), ("b", "adapter", 25.0))
    with styled():
        assert len(comparison_figure(table).axes[0].get_yticklabels()) == 2
