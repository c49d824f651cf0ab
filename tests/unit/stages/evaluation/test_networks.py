"""Networks score the same in any number of processes, and the tables compare no scores of different weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from inpainting.config import resolve
from inpainting.core.errors import UsageError
from inpainting.metrics.settings import WeightsSettings
from inpainting.stages.evaluation.prove import read_scores
from network_weights import write_weights

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset, Untimed


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_weights(tmp_path_factory.mktemp("weights")).dinov2_weights
    assert folder is not None
    return folder


@pytest.mark.slow
def test_their_scores_are_in_the_results_and_in_the_tables(
    dataset: Dataset, dinov2: Path, tmp_path: Path, untimed: Untimed
) -> None:
    results = [tmp_path / f"{name}.parquet" for name in ("telea", "masked_input", "alone")]
    given = ("--dinov2-weights", str(dinov2), "--limit", "2")
    for path, options in zip(results, ([], ["--workers", "2"], ["--workers", "2"]), strict=True):
        method = "masked_input" if path.stem == "masked_input" else "telea"
        assert dataset.evaluate(method, path, *given, "--label", path.stem, *options) == 0
    frames = untimed(results[0])
    pd.testing.assert_frame_equal(frames.drop(columns="method"), untimed(results[2]).drop(columns="method"))
    assert frames["rc_s"].between(0, 1).all()
    assert frames["rc_t"].isna().equals(frames["frame"] == 1)
    assert frames["lpips_mask"].isna().all()
    assert dataset.tables(results, tmp_path) == 0
    page = (tmp_path / "metrics.md").read_text()
    assert "RC-S, composited" in page and "RC-S and RC-T (needs" not in page
    scores = read_scores(tmp_path / "prove" / "telea.csv", "telea")
    pooled = frames[frames["output"] == "composited"].groupby("sequence")[["rc_s", "rc_t"]].mean()
    assert scores["case_id"].tolist() == ["a.mp4", "b.mp4"]
    np.testing.assert_allclose(scores[["rc_s", "rc_t"]], pooled)
    text = (tmp_path / "prove" / "telea.csv").read_text(encoding="utf-8-sig").splitlines()
    assert text[0] == "case_id,rc_s,rc_t,time" and text[-1].startswith("AVERAGE,")
    assert "DISTS (needs evaluation.vgg16_weights and evaluation.dists_weights)" in page


def test_results_of_different_weights_are_not_compared(
    dataset: Dataset, dinov2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [tmp_path / "telea.parquet", tmp_path / "masked_input.parquet"]
    for path in results:
        assert dataset.evaluate(path.stem, path, "--dinov2-weights", str(dinov2), "--limit", "1") == 0
        (dinov2 / "note.txt").write_text(path.stem)
    assert dataset.tables(results, tmp_path) == 1
    assert "were scored with different dinov2_weights; evaluate both with the same" in capsys.readouterr().err


def test_missing_weights_are_named_by_option_or_setting(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = str(tmp_path / "absent")
    assert dataset.evaluate("telea", tmp_path / "telea.parquet", "--lpips-weights", absent) == 2
    assert f"--lpips-weights: {absent} does not exist" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"evaluation\.lpips_weights: .*absent does not exist"):
        resolve({"evaluation": {"lpips_weights": absent}})


def test_vgg16_is_found_in_the_cache_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert WeightsSettings().weights() == {}
    cached = tmp_path / "hub/checkpoints/vgg16-397923af.pth"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert WeightsSettings().weights() == {"vgg16_weights": cached}
    own = tmp_path / "own.pth"
    own.touch()
    assert WeightsSettings(vgg16_weights=own).weights() == {"vgg16_weights": own}
