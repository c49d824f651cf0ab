"""The best checkpoint is the one of the highest score in the mask."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inpainting.cli import main
from inpainting.files import folder_digest, write_json, write_text

Candidate = Callable[..., Path]
Best = Callable[..., int]


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """Writes a checkpoint's adapter, and its scores as `inpaint validate` would."""

    def candidate(step: int, psnr: float, ssim: float = 0.5, **changes: Any) -> Path:
        adapter = tmp_path / "checkpoints" / f"step-{step}" / "adapter"
        write_text(adapter / "weights", f"of step {step}")
        scores = {
            name: {"mean": mean, "low": None, "high": None} for name, mean in (("psnr_mask", psnr), ("ssim_mask", ssim))
        }
        result = {
            "step": step,
            "criterion": "psnr_mask",
            "scores": scores,
            "sequences": [{"sequence": "a", "psnr_mask": psnr, "ssim_mask": ssim}],
            "provenance": {"inputs": {"adapter": folder_digest(adapter)}},
        }
        path = tmp_path / f"step-{step}.json"
        write_json(path, result | changes)
        return path

    return candidate


@pytest.fixture
def best(tmp_path: Path) -> Best:
    """Chooses among score files."""

    def best(*paths: Path) -> int:
        outputs = ["--out", str(tmp_path / "best.json"), "--adapter-out", str(tmp_path / "best")]
        scores = ",".join(map(str, paths))
        return main(["best", "--scores", scores, "--checkpoints", str(tmp_path / "checkpoints"), *outputs])

    return best


def test_the_highest_score_wins_and_its_adapter_is_copied(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    assert best(candidate(500, 20.0), candidate(1000, 22.5, 0.1), candidate(1500, 21.0, 0.9)) == 0
    chosen = json.loads((tmp_path / "best.json").read_text())
    assert chosen["step"] == 1000
    assert [row["step"] for row in chosen["candidates"]] == [500, 1000, 1500]
    assert (tmp_path / "best" / "weights").read_text() == "of step 1000"


def test_of_equal_scores_the_earlier_step_wins_whatever_the_order(
    candidate: Candidate, best: Best, tmp_path: Path
) -> None:
    assert best(candidate(1000, 22.0), candidate(500, 22.0), candidate(1500, 22.0)) == 0
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 500


def test_the_criterion_decides_which_score_counts(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    criterion = {"criterion": "ssim_mask"}
    assert best(candidate(500, 20.0, 0.9, **criterion), candidate(1000, 25.0, 0.5, **criterion)) == 0
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 500


def test_steps_are_compared_as_numbers(candidate: Candidate, best: Best, tmp_path: Path) -> None:
    assert best(candidate(1000, 22.0), candidate(900, 22.0)) == 0
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 900


@pytest.mark.parametrize(
    "changes", [{"criterion": "ssim_mask"}, {"sequences": [{"sequence": "b", "psnr_mask": 1.0, "ssim_mask": 1.0}]}]
)
def test_checkpoints_that_were_validated_differently_are_refused(
    candidate: Candidate, best: Best, tmp_path: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert best(candidate(500, 20.0), candidate(1000, 21.0, **changes)) == 1
    assert "validate all checkpoints alike" in capsys.readouterr().err
    assert not (tmp_path / "best.json").exists()


def test_an_adapter_that_changed_since_it_was_validated_is_refused(
    candidate: Candidate, best: Best, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = candidate(500, 20.0)
    write_text(tmp_path / "checkpoints" / "step-500" / "adapter" / "weights", "others")
    assert best(path) == 1
    assert "is not what was validated" in capsys.readouterr().err
    assert not (tmp_path / "best.json").exists()
