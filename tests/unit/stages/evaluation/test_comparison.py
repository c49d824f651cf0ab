import math
import re

import numpy as np
import pandas as pd
import pytest
from inpainting.core.html_table import Cell, Column, FormattedTable, to_html
from inpainting.stages.evaluation.comparison import COMPARISON, STRATA, best_classical, compare, compare_strata
from inpainting.stages.evaluation.rendering import (
    COMPARISON_COLUMNS,
    ColumnFormat,
    format_table,
    page,
    to_markdown,
)
from inpainting.stages.evaluation.summary import summarise
from scipy.stats import wilcoxon

KINDS = {
    "masked_input": "floor",
    "telea": "classical",
    "temporal_median": "classical",
    "base": "base",
    "lora <1>": "adapter",
    "ceiling": "ceiling",
}
LEVELS: dict[str, float] = {
    "masked_input": 10,
    "telea": 16,
    "temporal_median": 18,
    "base": 12,
    "lora <1>": 19,
    "ceiling": 25,
}


def scored(levels: dict[str, float] = LEVELS, count: int = 12, spread: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0, 3, count)
    rows = []
    for method, level in levels.items():
        values = level + difficulty + rng.normal(0, spread, count)
        for sequence, value in enumerate(values):
            for output in ("raw", "composited"):
                rows.append(
                    {
                        "method": method,
                        "sequence": f"s{sequence:02}",
                        "output": output,
                        "mask_pixels": 100,
                        "capped": False,
                        "psnr_mask": value,
                        "psnr_band": value + 1,
                        "psnr_frame": value + (10 if output == "composited" else 5),
                        "ssim_mask": value / 40,
                        "detail_mask": value - 30,
                        "seconds_per_frame": 0.1,
                    }
                )
    return pd.DataFrame(rows)


def kinds(levels: dict[str, float] = LEVELS) -> dict[str, str]:
    return {method: KINDS[method] for method in levels}


def test_methods_are_ordered_by_score_after_the_ceiling() -> None:
    table = compare(scored(), kinds(), seed=0)
    assert tuple(table.columns) == COMPARISON
    assert table["method"].tolist() == ["ceiling", "lora <1>", "temporal_median", "telea", "base", "masked_input"]


def test_means_gains_and_frames_are_those_of_the_sequences() -> None:
    sequences = scored()
    row = compare(sequences, kinds(), seed=0).set_index("method").loc["lora <1>"]
    own = sequences[sequences["method"] == "lora <1>"]
    raw, composited = own[own["output"] == "raw"], own[own["output"] == "composited"]
    reference = sequences[(sequences["method"] == "temporal_median") & (sequences["output"] == "raw")]
    assert row["sequences"] == 12
    assert row["psnr_mask"] == pytest.approx(raw["psnr_mask"].mean())
    assert row["psnr_frame_composited"] == pytest.approx(composited["psnr_frame"].mean())
    assert row["gain"] == pytest.approx(raw["psnr_mask"].mean() - reference["psnr_mask"].mean())
    assert row["psnr_mask_low"] < row["psnr_mask"] < row["psnr_mask_high"]
    assert row["gain_high"] - row["gain_low"] < row["psnr_mask_high"] - row["psnr_mask_low"]


def test_the_reference_is_the_best_classical_method_and_has_no_gain_over_itself() -> None:
    table = compare(scored(), kinds(), seed=0).set_index("method")
    assert set(table["reference"]) == {"temporal_median"}
    assert math.isnan(table.loc["temporal_median", "gain"])  # type: ignore[arg-type]


def test_without_a_classical_method_there_is_no_reference() -> None:
    levels = {name: LEVELS[name] for name in ("base", "masked_input")}
    assert best_classical(scored(levels), kinds(levels)) is None
    assert compare(scored(levels), kinds(levels), seed=0)["gain"].isna().all()


def test_the_same_seed_gives_the_same_table() -> None:
    pd.testing.assert_frame_equal(compare(scored(), kinds(), seed=3), compare(scored(), kinds(), seed=3))


def test_sequences_with_an_empty_mask_are_counted_separately() -> None:
    sequences = scored()
    empty = sequences["sequence"] == "s00"
    sequences.loc[empty, ["mask_pixels", "psnr_mask", "ssim_mask", "psnr_band"]] = [0, np.nan, np.nan, np.nan]
    table = compare(sequences, kinds(), seed=0)
    assert (table["sequences"] == 11).all()
    assert (table["without_hole"] == 1).all()
    assert "inside the mask on 11 test sequences" in str(summarise(table, sequences, "test", 0)["sentence"])


def test_each_stratum_has_the_reference_that_is_best_in_it() -> None:
    sequences = scored()
    first = sequences["sequence"] < "s06"
    sequences.loc[first & (sequences["method"] == "telea"), "psnr_mask"] += 20
    groups = {"camera": {"still": {f"s{i:02}" for i in range(6)}, "moving": {f"s{i:02}" for i in range(6, 12)}}}
    table = compare_strata(sequences, groups, kinds(), seed=0)
    assert tuple(table.columns) == STRATA
    assert table.groupby("value")["reference"].first().to_dict() == {"still": "telea", "moving": "temporal_median"}
    assert (table["sequences"] == 6).all()


def test_a_stratum_without_sequences_is_left_out() -> None:
    groups = {"mask": {"small": {"s00", "s01"}, "large": set[str]()}}
    assert set(compare_strata(scored(), groups, kinds(), seed=0)["value"]) == {"small"}


def summary_of(levels: dict[str, float], spread: float = 0.3, count: int = 12) -> dict[str, object]:
    sequences = scored(levels, spread=spread, count=count)
    return summarise(compare(sequences, kinds(levels), 0), sequences, "test", 0)


def test_the_sentence_says_what_the_adapter_gains() -> None:
    sentence = str(summary_of(LEVELS)["sentence"])
    assert "The adapter lora <1> scores" in sentence
    assert "inside the mask on 12 test sequences" in sentence
    assert "dB above the base model without fine-tuning" in sentence
    assert "dB above the best classical baseline (temporal median)" in sentence
    assert "ceiling is" in sentence


def test_the_sentence_on_all_sequences_names_no_split() -> None:
    sequences = scored(LEVELS, spread=0.3, count=12)
    sentence = summarise(compare(sequences, kinds(LEVELS), 0), sequences, "all", 0)["sentence"]
    assert "inside the mask on 12 sequences" in str(sentence)
    assert "neither" not in sentence


def test_the_sentence_says_so_when_the_adapter_loses() -> None:
    summary = summary_of({**LEVELS, "lora <1>": 15})
    assert "dB below the best classical baseline" in str(summary["sentence"])
    assert summary["best"]["method"] == "temporal_median"  # type: ignore[index]


def test_the_sentence_says_so_when_the_interval_includes_zero() -> None:
    assert "neither is clearly better" in str(summary_of({**LEVELS, "lora <1>": 18}, spread=3)["sentence"])


def test_the_verdict_says_better_worse_or_not_distinguishable_by_the_interval() -> None:
    other = "temporal median, the best classical method"
    better = str(summary_of(LEVELS)["verdict"])
    assert re.match(
        rf"The adapter lora <1> is better than {other}, by [\d.]+ dB PSNR inside the mask \(95 % interval", better
    )
    worse = str(summary_of({**LEVELS, "lora <1>": 15})["verdict"])
    assert f"is worse than {other}, by " in worse
    even = str(summary_of({**LEVELS, "lora <1>": 18}, spread=3)["verdict"])
    assert even.startswith(f"The adapter lora <1> and {other}, are not distinguishable on 12 test sequences: the ")
    few = str(summary_of(LEVELS, count=2)["verdict"])
    assert few.startswith("With 2 test sequences it cannot be said whether the adapter lora <1> is better than")
    assert summary_of({"telea": 15.0, "base": 10.0})["verdict"] == "", "telea is both"


def test_the_verdict_adds_ssim_if_that_says_otherwise() -> None:
    sequences = scored(LEVELS, spread=0.3, count=12)
    best = sequences["method"] == "lora <1>"
    worse = sequences.assign(ssim_mask=np.where(best, 0.1, 0.5 + 0.001 * sequences.index % 7))
    verdict = summarise(compare(worse, kinds(LEVELS), 0), worse, "test", 0)["verdict"]
    assert "is better than temporal median" in verdict
    assert re.search(r" By SSIM it is worse, by 0\.\d{3} \(95 % interval 0", verdict)


def test_without_an_adapter_the_best_method_is_the_headline() -> None:
    levels = {name: LEVELS[name] for name in ("telea", "temporal_median", "base")}
    summary = summary_of(levels)
    assert str(summary["sentence"]).startswith("The best method, temporal median, scores")
    assert summary["adapter"] is None
    assert summary["gain_over_classical"] is None


def test_one_sequence_is_summarised_without_an_interval() -> None:
    summary = summary_of(LEVELS, count=1)
    assert "on 1 test sequence," in str(summary["sentence"])
    assert "interval" not in str(summary["sentence"])
    assert summary["gain_over_classical"]["low"] is None  # type: ignore[index]


def test_markdown_marks_the_best_and_second_best_below_the_ceiling() -> None:
    lines = to_markdown(format_table(compare(scored(), kinds(), seed=0))).splitlines()
    assert len(lines) == 2 + len(KINDS)
    assert "**" not in lines[2] and "ceiling" in lines[2]
    assert "**" in lines[3] and r"lora \<1>" in lines[3]
    assert "| _" in lines[4] and "temporal median" in lines[4]
    assert all(line.count("|") == lines[0].count("|") for line in lines)


def test_values_that_look_alike_share_a_mark_and_where_all_are_alike_none_is_marked() -> None:
    names = ["ceiling", "a", "b", "c"]
    table = pd.DataFrame({"method": names, "kind": [KINDS["ceiling"], *["classical"] * 3]})
    table = table.assign(two=[9, 5.04, 5.01, 4], one=[9, 5, 4, 4], none=[9.0, 5, 5, 5], unknown=[9, 5, np.nan, 4])
    columns = {name: ColumnFormat(name, 1, "high") for name in ("two", "one", "none", "unknown")}
    marks = [[cell.mark for cell in row[1:]] for row in format_table(table, columns, {"method": "Method"}).rows]
    assert marks == [
        ["", "", "", ""],
        ["best", "best", "", "best"],
        ["best", "second", "", ""],
        ["", "second", "", "second"],
    ]


def test_markdown_shows_ids_of_any_characters_as_they_are() -> None:
    table = FormattedTable([Column("id", numeric=False)], [[Cell("a|b *c* _d_ my_run [e](f) `g` <h> \\")]], [""])
    assert to_markdown(table).splitlines()[2] == r"| a\|b \*c\* \_d\_ my_run \[e\](f) \`g\` \<h> \\ |"


def test_html_escapes_names_and_shows_dashes_for_unknown_numbers() -> None:
    html = page("Title", "a < b", [("", to_html(format_table(compare(scored(), kinds(), seed=0))))], ["note"])
    assert "lora &lt;1&gt;" in html
    assert "a &lt; b" in html
    assert "nan" not in html.split("<script>")[0].lower()
    assert "http" not in html
    assert html.count('class="best"') == sum(bool(column.better) for column in COMPARISON_COLUMNS.values())


def test_differences_are_tested_against_the_reference_and_corrected_for_their_number() -> None:
    sequences = scored()
    table = compare(sequences, kinds(), seed=0).set_index("method")
    raw = sequences[sequences["output"] == "raw"].pivot(index="sequence", columns="method", values="psnr_mask")
    tested = ["telea", "base", "masked_input", "lora <1>"]
    expected = {name: wilcoxon(raw[name], raw["temporal_median"]).pvalue for name in tested}
    for name, p_value in expected.items():
        assert table.loc[name, "p_value"] == pytest.approx(p_value)
    assert table.loc["lora <1>", "p_holm"] == pytest.approx(4 * expected["lora <1>"])
    assert table.loc[["ceiling", "temporal_median"], ["p_value", "p_holm"]].isna().all(axis=None)


def test_numbers_are_rounded_to_the_digits_that_their_intervals_support() -> None:
    wide = pd.DataFrame({"method": "a", "kind": "base", "x": [20.123], "x_low": [18.2], "x_high": [22.1]})
    narrow = wide.assign(x_low=20.10, x_high=20.14)
    unknown = wide.assign(x_low=math.nan, x_high=math.nan)
    columns, texts = {"x": ColumnFormat("x", 2)}, {"method": "Method"}
    assert format_table(wide, columns, texts).rows[0][1] == Cell("20.1", "18.2 to 22.1", number=20.123)
    assert format_table(narrow, columns, texts).rows[0][1] == Cell("20.12", "20.10 to 20.14", number=20.123)
    assert format_table(unknown, columns, texts).rows[0][1] == Cell("20.12", number=20.123)
