"""The report's page about the dataset: outliers, shadows, and reasons for rejection."""

from __future__ import annotations

import pandas as pd
import pytest
from inpainting.artifacts.audit_summary import ReasonCount
from inpainting.stages.report.draw_dataset import describe_effect, describe_reasons
from inpainting.stages.report.outliers import MAX_OUTLIERS, MAX_PER_REASON, find_outliers


def a_manifest(count: int) -> pd.DataFrame:
    """Accepted sequences, a to ..., whose measures grow with their number."""
    measures = ("coverage_mean", "effect_share", "difference_inside", "mask_motion", "camera_motion")
    table = pd.DataFrame({"id": [chr(ord("a") + number) for number in range(count)]})
    table = table.assign(verdict="accepted", reasons="", warnings="", frames=5)
    return table.assign(**{name: [float(number) for number in range(count)] for name in measures})


def test_outliers_are_first_those_with_findings_then_the_extreme_ones_and_none_twice() -> None:
    manifest = a_manifest(9).set_index("id", drop=False)
    manifest.loc["c", ["verdict", "reasons"]] = ["rejected", "other_scene;unreadable_frame"]
    manifest.loc["d", ["verdict", "reasons"]] = ["rejected", "missing_frame"]
    manifest.loc["i", "warnings"] = "inverted_mask;static_sequence"
    outliers = find_outliers(manifest.reset_index(drop=True))
    assert [(outlier.id, outlier.reason) for outlier in outliers] == [
        ("c", "other scene"),
        ("i", "inverted mask"),
        ("h", "largest mask"),
        ("a", "smallest mask"),
        ("g", "most changed outside"),
        ("b", "least changed inside"),
        ("f", "fastest mask"),
        ("e", "fastest camera"),
    ]


def test_each_reason_is_shown_by_a_limited_number_of_outliers() -> None:
    codes = ["other_scene", "shifted_truth", "other_colours", "full_mask", "empty_mask"]
    manifest = pd.concat([a_manifest(20).assign(verdict="rejected", reasons=code) for code in codes])
    manifest["id"] = [f"{number:03}" for number in range(len(manifest))]
    outliers = find_outliers(manifest.reset_index(drop=True))
    assert pd.Series([outlier.reason for outlier in outliers]).value_counts().max() == MAX_PER_REASON
    assert len(outliers) <= MAX_OUTLIERS


def test_sequences_without_a_readable_frame_are_no_outliers() -> None:
    assert find_outliers(a_manifest(1).assign(verdict="rejected", reasons="empty_mask", frames=0)) == []


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.02, 0.03, 0.001], "in 67% of the sequences more than 0.5% do: there are shadows"),
        ([0.02], "in all sequences more than 0.5% do: there are shadows"),
        ([0.0, 0.001], "in no sequence more than 0.5% do: there are hardly any shadows"),
        ([None], "No sequence has pixels outside its mask."),
    ],
)
def test_the_page_says_whether_there_are_shadows_to_learn(shares: list[float], expected: str) -> None:
    assert expected in describe_effect(pd.DataFrame({"effect_share": pd.Series(shares, dtype=float)}), 10.0)


def test_rejections_and_warnings_are_separate_lists_in_order_of_frequency() -> None:
    reasons = {
        "few": ReasonCount(sequences=1, rejects=True, meaning="m"),
        "many": ReasonCount(sequences=7, rejects=True, meaning="m"),
        "odd": ReasonCount(sequences=2, rejects=False, meaning="m"),
        "none": ReasonCount(sequences=0, rejects=True, meaning="m"),
    }
    rows = [("a", "few", 1, "x"), *((f"{n}", "many", None, "x") for n in range(7)), ("b", "odd", None, "x")]
    findings = pd.DataFrame(rows, columns=["id", "reason", "frame", "detail"]).astype({"frame": "Int64"})
    rejected = describe_reasons(reasons, findings, rejects=True)
    assert [(reason["code"], len(reason["examples"]), reason["more"]) for reason in rejected] == [
        ("many", 5, 2),
        ("few", 1, 0),
    ]
    assert [reason["code"] for reason in describe_reasons(reasons, findings, rejects=False)] == ["odd"]
