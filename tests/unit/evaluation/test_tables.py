from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.evaluation.comparison import COMPARISON, STRATA
from inpainting.evaluation.results import read_results, write_results
from inpainting.files import read_json, read_table, write_table

if TYPE_CHECKING:
    from tests.unit.evaluation.conftest import Evaluated

FILES = ("comparison.html", "comparison.md", "comparison.tsv", "strata.html", "strata.md", "strata.tsv", "summary.json")


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


def provenance_of(evaluated: Evaluated) -> dict[str, Any]:
    return read_results(evaluated.results["telea"]).provenance


def test_the_tables_hold_every_method_and_stratum(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables(list(evaluated.results.values()), tmp_path / "tables") == 0
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(FILES)
    comparison, strata = (read_table(tmp_path / "tables" / f"{name}.tsv") for name in ("comparison", "strata"))
    assert tuple(comparison.columns) == COMPARISON
    assert tuple(strata.columns) == STRATA
    assert set(comparison["method"]) == set(evaluated.results)
    assert (comparison["sequences"] == 3).all()
    counts = strata.groupby(["stratum", "value"])["sequences"].first()
    assert counts.to_dict() == {
        ("camera", "moving"): 2,
        ("camera", "still"): 1,
        ("mask", "large"): 1,
        ("mask", "medium"): 1,
        ("mask", "small"): 1,
    }


def test_the_summary_is_json_without_nan_and_says_what_is_best(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables(list(evaluated.results.values()), tmp_path) == 0
    summary = json.loads((tmp_path / "summary.json").read_text(), parse_constant=refuse_constant)
    comparison = read_table(tmp_path / "comparison.tsv")
    assert summary["best"]["method"] == comparison["method"].iloc[0]
    assert summary["sequences"] == 3
    assert summary["sentence"] in (tmp_path / "comparison.html").read_text()


def test_the_same_results_give_the_same_bytes_in_any_order(evaluated: Evaluated, tmp_path: Path) -> None:
    paths = list(evaluated.results.values())
    assert evaluated.dataset.tables(paths, tmp_path / "one") == 0
    assert evaluated.dataset.tables(paths, tmp_path / "two") == 0
    assert evaluated.dataset.tables(paths[::-1], tmp_path / "three") == 0
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


def test_results_of_another_split_are_refused_by_name(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, about = pd.read_parquet(evaluated.results["telea"]), provenance_of(evaluated)
    about |= {"label": "other", "inputs": {**about["inputs"], "split_file": "0"}}
    write_results(tmp_path / "other.parquet", frames.assign(method="other"), about)
    paths = [evaluated.results["masked_input"], tmp_path / "other.parquet"]
    assert evaluated.dataset.tables(paths, tmp_path / "tables") == 1
    assert "other.parquet was made with another split" in capsys.readouterr().err


def test_results_of_other_sequences_are_refused_by_name(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, about = pd.read_parquet(evaluated.results["telea"]), provenance_of(evaluated)
    write_results(tmp_path / "fewer.parquet", frames[frames["sequence"] != "c"], about)
    paths = [evaluated.results["masked_input"], tmp_path / "fewer.parquet"]
    assert evaluated.dataset.tables(paths, tmp_path / "tables") == 1
    error = capsys.readouterr().err
    assert "fewer.parquet scores other sequences" in error
    assert "2 sequences" in error and "3 sequences" in error


def test_two_results_of_one_name_are_refused(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = evaluated.results["telea"]
    assert evaluated.dataset.tables([path, path], tmp_path) == 1
    assert "--label" in capsys.readouterr().err


def test_a_file_that_is_no_result_is_refused_by_name(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "odd.parquet", pd.DataFrame({"a": [1]}))
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    for name in ("odd.parquet", "broken.parquet"):
        assert evaluated.dataset.tables([tmp_path / name], tmp_path) == 1
        assert name in capsys.readouterr().err
    assert evaluated.dataset.tables([tmp_path / "absent.parquet"], tmp_path) == 2


def test_thresholds_of_strata_are_options_and_must_be_in_order(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = list(evaluated.results.values())
    assert evaluated.dataset.tables(paths, tmp_path, "--still-below", "2") == 0
    assert set(read_table(tmp_path / "strata.tsv").query("stratum == 'camera'")["value"]) == {"still"}
    assert evaluated.dataset.tables(paths, tmp_path, "--small-below", "0.9") == 2
    assert "--small-below" in capsys.readouterr().err


def test_a_manifest_without_a_scored_sequence_is_refused(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "manifest.parquet", read_table(evaluated.dataset.manifest).iloc[1:])
    options = ["--manifest", str(tmp_path / "manifest.parquet"), "--out", str(tmp_path / "tables")]
    assert main(["tables", "--results", str(evaluated.results["telea"]), *options]) == 1
    assert "no row of a" in capsys.readouterr().err


def test_the_summary_can_be_read_back(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables([evaluated.results["telea"]], tmp_path) == 0
    assert read_json(tmp_path / "summary.json")["classical"]["method"] == "telea"
