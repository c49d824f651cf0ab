"""The best checkpoint is the one of the highest score in the mask."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import pytest
from inpainting.artifacts.validation_scores import SCORES
from inpainting.cli import main
from inpainting.core.files import write_json, write_text
from inpainting.core.sums import SUMS_FILE
from inpainting.models.adapter_files import LORA_FILE, adapter_digest

Candidate = Callable[..., Path]
Best = Callable[..., int]


def run_of(sampling_steps: int, *psnr: float) -> dict[str, Any]:
    """What `inpaint validate` writes of one number of denoising steps, for sequences a, b, c and so on."""
    interval = {"low": min(psnr), "high": max(psnr)} if len(psnr) >= 5 else {"low": None, "high": None}
    return {
        "sampling_steps": sampling_steps,
        "seconds_per_frame": 0.01 * sampling_steps,
        "scores": {name: {"mean": sum(psnr) / len(psnr), **interval} for name in SCORES},
        "sequences": [
            {"sequence": name, "psnr_mask": value, "ssim_mask": value, "detail_mask": 20 - value}
            for name, value in zip("abcdef", psnr, strict=False)
        ],
    }


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """Writes a checkpoint's adapter, and its scores as `inpaint validate` would."""

    def candidate(step: int, psnr: float, ssim: float = 0.5, detail: float = -3.0, **changes: Any) -> Path:
        adapter = tmp_path / "checkpoints" / f"step-{step}" / "adapter"
        write_text(adapter / LORA_FILE, f"of step {step}")
        write_json(adapter / "inpainting.json", {"base": "somewhere", "sampling_steps": None})
        means = {"psnr_mask": psnr, "ssim_mask": ssim, "detail_mask": detail}
        scores = {name: {"mean": mean, "low": None, "high": None} for name, mean in means.items()}
        run = {"sampling_steps": 5, "seconds_per_frame": 0.1, "scores": scores}
        run["sequences"] = [{"sequence": "a", **means}]
        result = {
            "step": step,
            "criterion": "psnr_mask",
            "difference_to_training": 0.0,
            "runs": [run],
            "provenance": {"settings": {}, "versions": {}, "inputs": {"adapter": adapter_digest(adapter)}},
        }
        path = tmp_path / f"step-{step}.json"
        write_json(path, result | changes)
        return path

    return candidate


@pytest.fixture
def best(tmp_path: Path) -> Best:
    """Chooses the best of score files; returns the exit code."""

    def best(*paths: Path) -> int:
        return main(commands.best(paths, tmp_path / "checkpoints", tmp_path / "best.json", tmp_path / "best"))

    return best


def test_the_highest_score_wins_and_its_adapter_is_copied(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    assert best(candidate(500, 20.0), candidate(1000, 22.5, 0.1), candidate(1500, 21.0, 0.9)) == 0
    chosen = json.loads((tmp_path / "best.json").read_text())
    assert chosen["step"] == 1000
    assert [row["step"] for row in chosen["candidates"]] == [500, 1000, 1500]
    assert (tmp_path / "best" / LORA_FILE).read_text() == "of step 1000"
    written = json.loads((tmp_path / "best" / "inpainting.json").read_text())
    assert written == {"base": "somewhere", "sampling_steps": 5}
    assert chosen["provenance"]["inputs"]["adapter"] == adapter_digest(tmp_path / "best")


def test_other_files_in_the_adapters_folder_are_not_copied(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    scored = candidate(500, 20.0)
    write_text(tmp_path / "checkpoints" / "step-500" / "adapter" / ".snakemake_timestamp", "")
    assert best(scored) == 0
    assert {path.name for path in (tmp_path / "best").iterdir()} == {LORA_FILE, "inpainting.json", SUMS_FILE}


def test_of_equal_scores_the_earlier_step_wins_in_any_order_of_files(
    candidate: Candidate, best: Best, tmp_path: Path
) -> None:
    assert best(candidate(1000, 22.0), candidate(500, 22.0), candidate(1500, 22.0)) == 0
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 500


def test_the_criterion_decides_which_score_counts(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    criterion = {"criterion": "ssim_mask"}
    assert best(candidate(500, 20.0, 0.9, **criterion), candidate(1000, 25.0, 0.5, **criterion)) == 0
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 500


@pytest.mark.parametrize(("criterion", "step"), [("psnr_mask", 500), ("detail_mask", 1500), ("mean_rank", 1000)])
def test_blur_wins_by_psnr_noise_may_by_detail_and_what_is_second_in_all_by_mean_rank(
    candidate: Candidate, best: Best, tmp_path: Path, criterion: str, step: int
) -> None:
    blurred = candidate(500, 22.0, 0.70, -9.0, criterion=criterion)
    sharp = candidate(1000, 21.8, 0.72, -1.0, criterion=criterion)
    noisy = candidate(1500, 15.0, 0.30, 0.5, criterion=criterion)
    assert best(blurred, sharp, noisy) == 0
    chosen = json.loads((tmp_path / "best.json").read_text())
    assert chosen["step"] == step
    choices = {name: choice["step"] for name, choice in chosen["by_criterion"].items()}
    assert choices == {"psnr_mask": 500, "ssim_mask": 1000, "detail_mask": 1500, "mean_rank": 1000}
    if criterion == "mean_rank":
        ranks = (
            "lowest mean rank in psnr_mask, ssim_mask, detail_mask of the raw output over 1 validation sequences: 1.67"
        )
        assert chosen["why"].startswith(ranks)


def test_steps_are_compared_as_numbers(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    assert best(candidate(1000, 22.0), candidate(900, 22.0)) == 0
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 900


@pytest.mark.parametrize(
    "changes", [{"criterion": "ssim_mask"}, {"runs": [run_of(4, 21.0)]}, {"runs": [run_of(5, 21.0), run_of(9, 21.0)]}]
)
def test_checkpoints_that_were_validated_differently_are_refused(
    candidate: Candidate, best: Best, tmp_path: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert best(candidate(500, 20.0), candidate(1000, 21.0, **changes)) == 1
    assert "validate all checkpoints with the same settings" in capsys.readouterr().err
    assert not (tmp_path / "best.json").exists()


def test_an_adapter_that_changed_since_it_was_validated_is_refused(
    candidate: Candidate, best: Best, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = candidate(500, 20.0)
    write_text(tmp_path / "checkpoints" / "step-500" / "adapter" / LORA_FILE, "others")
    assert best(path) == 1
    assert "is not what was validated" in capsys.readouterr().err
    assert not (tmp_path / "best.json").exists()


def test_the_number_of_denoising_steps_that_scores_best_is_chosen_and_of_equal_ones_the_fewest(
    candidate: Candidate, best: Best, tmp_path: Path
) -> None:
    first = candidate(500, 0.0, runs=[run_of(2, 19.0), run_of(5, 21.0), run_of(20, 20.0)])
    second = candidate(1000, 0.0, runs=[run_of(2, 20.0), run_of(5, 22.0), run_of(20, 22.0)])
    assert best(first, second) == 0
    chosen = json.loads((tmp_path / "best.json").read_text())
    assert (chosen["step"], chosen["sampling_steps"]) == (1000, 5)
    assert len(chosen["candidates"]) == 6
    assert "with 5 denoising steps of 3 numbers tried" in chosen["why"]


def test_the_reason_has_the_interval_and_whether_the_choice_may_be_chance(
    candidate: Candidate, best: Best, tmp_path: Path
) -> None:
    values = [20.0, 22.0, 25.0, 19.0, 23.0]
    ahead, behind = [run_of(5, *values)], [run_of(5, *(value - 0.5 for value in values))]
    mixed = [run_of(5, *(value + change for value, change in zip(values, (1, -1, 1, -1, -0.1), strict=True)))]
    assert best(candidate(500, 0.0, runs=ahead), candidate(1000, 0.0, runs=behind)) == 0
    sure = json.loads((tmp_path / "best.json").read_text())["why"]
    assert "21.80 dB (95 % interval 19.00 to 25.00); 0.50 dB better than the next of 2 checkpoints, step 1000" in sure
    assert "chance" not in sure
    assert best(candidate(500, 0.0, runs=ahead), candidate(1500, 0.0, runs=mixed)) == 0
    assert "so that chance may have chosen" in json.loads((tmp_path / "best.json").read_text())["why"]
