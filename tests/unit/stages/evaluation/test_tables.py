from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands
import pandas as pd
import pytest
from inpainting.artifacts.scores import read_results, write_results
from inpainting.cli import main
from inpainting.core.files import read_json, read_table, write_table
from inpainting.stages.evaluation.comparison import COMPARISON, STRATA

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Evaluated

TABLES = ("comparison", "failures", "metrics", "repeats", "strata")
FORMS = ("html", "md", "tex", "tsv")
FILES = sorted([*(f"{t}.{form}" for t in TABLES for form in FORMS), "sequences.tsv", "summary.json"])


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


def provenance_of(evaluated: Evaluated) -> dict[str, Any]:
    return read_results(evaluated.results["telea"]).provenance.model_dump()


def test_the_tables_hold_every_method_and_stratum(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables(list(evaluated.results.values()), tmp_path / "tables") == 0
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == FILES
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
        ("median", "strong"): 1,
        ("median", "weak"): 2,
        ("shadow", "much"): 1,
        ("shadow", "little"): 2,
    }


def test_the_summary_is_json_without_nan_and_says_what_is_best(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables(list(evaluated.results.values()), tmp_path) == 0
    summary = json.loads((tmp_path / "summary.json").read_text(), parse_constant=refuse_constant)
    comparison = read_table(tmp_path / "comparison.tsv")
    assert summary["best"]["method"] == comparison["method"].iloc[0]
    assert summary["sequences"] == 3
    assert (summary["verdict"] or summary["sentence"]) in (tmp_path / "comparison.html").read_text()


def test_the_same_results_give_the_same_bytes_in_any_order(evaluated: Evaluated, tmp_path: Path) -> None:
    paths = list(evaluated.results.values())
    assert evaluated.dataset.tables(paths, tmp_path / "one") == 0
    assert evaluated.dataset.tables(paths, tmp_path / "two") == 0
    assert evaluated.dataset.tables(paths[::-1], tmp_path / "three") == 0
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


def test_results_of_other_frames_are_refused_by_name(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, about = pd.read_parquet(evaluated.results["telea"]), provenance_of(evaluated)
    about |= {"label": "other", "inputs": {**about["inputs"], "sequences": "0"}}
    write_results(tmp_path / "other.parquet", frames.assign(method="other"), about)
    paths = [evaluated.results["masked_input"], tmp_path / "other.parquet"]
    assert evaluated.dataset.tables(paths, tmp_path / "tables") == 1
    assert "other.parquet was computed from other sequences or other frames" in capsys.readouterr().err


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


def test_results_without_a_metric_or_with_an_unknown_one_are_read_and_the_captions_say_so(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    older, newer = tmp_path / "older.parquet", tmp_path / "newer.parquet"
    for path, frames in (
        (older, pd.read_parquet(evaluated.results["telea"]).drop(columns=["temporal_mask", "ssim_band"])),
        (newer, pd.read_parquet(evaluated.results["telea"]).assign(sharpness=0.5)),
    ):
        write_results(path, frames.assign(method=path.stem), provenance_of(evaluated) | {"label": path.stem})
    assert "temporal_mask" not in read_results(older).frames
    assert (read_results(newer).frames["sharpness"] == 0.5).all()
    assert evaluated.dataset.tables([older, newer, *evaluated.results.values()], tmp_path / "tables") == 0
    metrics = read_table(tmp_path / "tables" / "metrics.tsv").set_index("method")
    found, expected = (metrics.loc[[name]].reset_index(drop=True) for name in ("newer", "telea"))
    pd.testing.assert_frame_equal(found, expected)
    for name, unknown in {"temporal_mask_raw": True, "ssim_band_raw": True, "warp_mask_raw": False}.items():
        assert pd.isna(metrics[name]["older"]) if unknown else metrics[name]["older"] == metrics[name]["telea"]
    page = (tmp_path / "tables" / "metrics.md").read_text()
    assert "temporal and warping errors: not computed by the version that wrote the results of older." in page
    assert "newer: its results hold sharpness, which this version does not know." in page


def test_results_that_all_lack_a_metric_have_tables_without_it(evaluated: Evaluated, tmp_path: Path) -> None:
    frames, about = pd.read_parquet(evaluated.results["telea"]), provenance_of(evaluated)
    columns = ["method", "sequence", "output", "frame", "mask_pixels", "mse_mask", "ssim_mask"]
    write_results(tmp_path / "old.parquet", frames[columns], about)
    assert evaluated.dataset.tables([tmp_path / "old.parquet"], tmp_path) == 0
    assert evaluated.dataset.tables([evaluated.results["telea"]], tmp_path / "new") == 0
    old, new = (read_table(folder / "comparison.tsv").iloc[0] for folder in (tmp_path, tmp_path / "new"))
    assert (old["psnr_mask"], old["ssim_mask"]) == (new["psnr_mask"], new["ssim_mask"])
    assert pd.isna(old["seconds_per_frame"])


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
    command = commands.tables([evaluated.results["telea"]], tmp_path / "manifest.parquet", tmp_path / "tables")
    assert main(command) == 1
    assert "no row of a" in capsys.readouterr().err


def test_the_summary_can_be_read_back(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables([evaluated.results["telea"]], tmp_path) == 0
    assert read_json(tmp_path / "summary.json")["classical"]["method"] == "telea"


def as_experiment(evaluated: Evaluated, name: str, shift: float, out: Path) -> Path:
    """Results of an adapter: Telea's, with an error in the mask that is larger by a factor."""
    frames, about = pd.read_parquet(evaluated.results["telea"]), provenance_of(evaluated)
    frames = frames.assign(method=name, mse_mask=frames["mse_mask"] * shift)
    write_results(out, frames, about | {"label": name, "kind": "adapter"})
    return out


def test_trainings_of_a_group_are_averaged_by_sequence_and_also_listed_singly(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    trainings = [as_experiment(evaluated, f"flow-s{i}", 10.0**i, tmp_path / f"flow-s{i}.parquet") for i in range(3)]
    groups = ["--groups", "flow-s0=flow,flow-s1=flow,flow-s2=flow"]
    paths = [*trainings, *evaluated.results.values()]
    assert evaluated.dataset.tables(paths, tmp_path / "tables", *groups) == 0
    comparison = read_table(tmp_path / "tables" / "comparison.tsv").set_index("method")
    assert set(comparison.index) == {"flow", *evaluated.results}
    assert comparison["members"]["flow"] == "flow-s0,flow-s1,flow-s2"
    assert comparison["psnr_mask"]["flow"] == pytest.approx(comparison["psnr_mask"]["telea"] - 10)
    sequences = read_table(tmp_path / "tables" / "sequences.tsv").query("output == 'raw'")
    psnr = sequences.pivot(index="sequence", columns="method", values="psnr_mask")
    assert (psnr["telea"] - psnr["flow"]).to_numpy() == pytest.approx(10)
    repeats = read_table(tmp_path / "tables" / "repeats.tsv")
    assert repeats["experiment"].tolist() == ["flow-s0", "flow-s1", "flow-s2"]
    assert repeats["psnr_mask"].diff().iloc[1:].to_numpy() == pytest.approx(-10)
    assert "standard deviation of its 3 trainings' means is 10.00 dB" in (tmp_path / "tables/repeats.md").read_text()
    assert "flow (mean of 3 trainings) scores" in read_json(tmp_path / "tables" / "summary.json")["sentence"]


def test_a_group_with_the_name_of_other_results_is_refused(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = as_experiment(evaluated, "one", 1.0, tmp_path / "one.parquet")
    paths = [one, *evaluated.results.values()]
    assert evaluated.dataset.tables(paths, tmp_path, "--groups", "one=telea") == 1
    assert "telea is also the name of results outside the group" in capsys.readouterr().err
    assert evaluated.dataset.tables(paths, tmp_path, "--groups", "one") == 2
    assert "--groups: should be a list, A,B, or names with values, A=1,B=2" in capsys.readouterr().err


def test_failures_are_listed_with_the_score_they_are_below(evaluated: Evaluated, tmp_path: Path) -> None:
    bad = as_experiment(evaluated, "bad", 1000.0, tmp_path / "bad.parquet")
    assert evaluated.dataset.tables([bad, *evaluated.results.values()], tmp_path / "tables") == 0
    failures = read_table(tmp_path / "tables" / "failures.tsv")
    sequences = read_table(tmp_path / "tables" / "sequences.tsv").query("output == 'raw'")
    psnr = sequences.pivot(index="sequence", columns="method", values="psnr_mask")
    below = failures.query("method == 'bad' and reason == 'below_input'")
    assert below["sequence"].tolist() == ["a", "b", "c"]
    assert below["compared"].tolist() == pytest.approx(psnr["masked_input"].tolist())
    far = failures.query("method == 'telea' and reason == 'far_below'")["sequence"].tolist()
    assert far == psnr.index[psnr["telea"] < psnr["temporal_median"] - 3].tolist()


def test_latex_needs_no_package_but_booktabs_and_marks_the_best(evaluated: Evaluated, tmp_path: Path) -> None:
    assert evaluated.dataset.tables(list(evaluated.results.values()), tmp_path) == 0
    text = (tmp_path / "comparison.tex").read_text()
    header, rows = (
        part.splitlines()[1:] for part in text[text.index("\\toprule") :].split("\\bottomrule")[0].split("\\midrule")
    )
    assert len(rows) == 3
    assert all(row.count("&") == header[0].count("&") and row.endswith("\\\\") for row in rows)
    assert "\\textbf{" in rows[0]
    assert "_" not in text


def test_peoples_preferences_are_a_column_of_the_comparison(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = tmp_path / "preference.tsv"
    rows = "telea\t6\t4\t1\t0.90\t0.30\t1.50\ntemporal_median\t6\t1\t1\t-0.90\t-1.50\t-0.30\n"
    judged.write_text(f"method\tvotes\twins\tties\tscore\tscore_low\tscore_high\n{rows}")
    results, out = list(evaluated.results.values()), tmp_path / "tables"
    assert evaluated.dataset.tables(results, out, "--preference", str(judged)) == 0
    table = read_table(out / "comparison.tsv").set_index("method")
    assert [table[name]["telea"] for name in ("preference", "preference_low", "preference_high")] == [0.9, 0.3, 1.5]
    assert table["preference"].isna().tolist() == [name == "masked_input" for name in table.index]
    page = (out / "comparison.md").read_text()
    assert "Preferred by people, log-odds" in page.splitlines()[2] and "**+0.90** (+0.30 to +1.50)" in page
    assert "by 6 choices between composited outputs" in page and "not in this table" not in page
    assert evaluated.dataset.tables(results[:2], out, "--preference", str(judged)) == 0
    assert "1 of the 2 methods that were judged are not in this table" in (out / "comparison.md").read_text()
    both = ("--groups", "telea=fills,temporal_median=fills", "--preference", str(judged))
    assert evaluated.dataset.tables(results, out, *both) == 1
    assert "two trainings of fills were judged" in capsys.readouterr().err


def test_csv_files_of_prove_are_shown_in_a_table_of_their_own(
    evaluated: Evaluated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, results = tmp_path / "theirs.csv", [evaluated.results["telea"]]
    rows = ["a.mp4,0.40,0.20,1.0", "b.mp4,0.60,,1.0", "AVERAGE,9,9,1.0"]
    (tmp_path / "prove").mkdir()
    (tmp_path / "prove" / "telea.csv").write_text("of an earlier run, which had DINOv2")
    theirs.write_text("\n".join(["case_id,rc_s,rc_t,time", *rows]), encoding="utf-8-sig")
    assert evaluated.dataset.tables(results, tmp_path, "--prove", f"diffueraser={theirs}") == 0
    page = (tmp_path / "metrics.md").read_text()
    assert "| diffueraser | 2 | **0.500** | **0.200** |" in page.partition("its own protocol and frames")[2]
    assert "diffueraser" not in (tmp_path / "comparison.md").read_text()
    assert not (tmp_path / "prove").exists(), "nothing was scored by DINOv2"
    theirs.write_text("case_id,RC-S,RC-T\na.mp4,0.4,0.2\n")
    assert evaluated.dataset.tables(results, tmp_path, "--prove", f"diffueraser={theirs}") == 1
    assert "found no case with one of the last two" in capsys.readouterr().err
    theirs.write_text("case_id;rc_s\na.mp4;0.4\n")
    assert evaluated.dataset.tables(results, tmp_path, "--prove", f"diffueraser={theirs}") == 1
    assert "should have the columns case_id, rc_s, rc_t" in capsys.readouterr().err
    assert evaluated.dataset.tables(results, tmp_path, "--prove", "diffueraser") == 2
