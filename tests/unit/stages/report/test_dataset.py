"""The report on the dataset: which sequences it shows, and what it says of them."""

from __future__ import annotations

import pandas as pd
import pytest
from inpainting.artifacts.audit_summary import ReasonCount
from inpainting.stages.report.draw_dataset import describe_effect, describe_reasons
from inpainting.stages.report.outliers import MOST, OF_EACH, find_suspects


def a_manifest(count: int) -> pd.DataFrame:
    """Accepted sequences, a to ..., whose measures grow with their number."""
    measures = ("coverage_mean", "effect_share", "difference_inside", "mask_motion", "camera_motion")
    table = pd.DataFrame({"id": [chr(ord("a") + number) for number in range(count)]})
    table = table.assign(verdict="accepted", reasons="", warnings="", frames=5)
    return table.assign(**{name: [float(number) for number in range(count)] for name in measures})


def test_what_the_audit_doubts_comes_first_then_what_is_extreme_and_nothing_twice() -> None:
    manifest = a_manifest(9).set_index("id", drop=False)
    manifest.loc["c", ["verdict", "reasons"]] = ["rejected", "other_scene;unreadable_frame"]
    manifest.loc["d", ["verdict", "reasons"]] = ["rejected", "missing_frame"]
    manifest.loc["i", "warnings"] = "inverted_mask;static_sequence"
    suspects = find_suspects(manifest.reset_index(drop=True))
    assert [(suspect.id, suspect.why) for suspect in suspects] == [
        ("c", "other scene"),
        ("i", "inverted mask"),
        ("h", "largest mask"),
        ("a", "smallest mask"),
        ("g", "most changed outside"),
        ("b", "least changed inside"),
        ("f", "fastest mask"),
        ("e", "fastest camera"),
    ]


def test_many_doubts_are_shown_by_a_few_examples_of_each() -> None:
    codes = ["other_scene", "shifted_truth", "other_colours", "full_mask", "empty_mask"]
    manifest = pd.concat([a_manifest(20).assign(verdict="rejected", reasons=code) for code in codes])
    manifest["id"] = [f"{number:03}" for number in range(len(manifest))]
    suspects = find_suspects(manifest.reset_index(drop=True))
    assert pd.Series([suspect.why for suspect in suspects]).value_counts().max() == OF_EACH
    assert len(suspects) <= MOST


def test_sequences_without_a_frame_that_can_be_shown_are_no_suspects() -> None:
    assert find_suspects(a_manifest(1).assign(verdict="rejected", reasons="empty_mask", frames=0)) == []


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.02, 0.03, 0.001], "in 67% of the sequences it is more than 0.5%: there are shadows"),
        ([0.02], "in all sequences it is more than 0.5%: there are shadows"),
        ([0.0, 0.001], "in no sequence it is more than 0.5%: there is hardly a shadow"),
        ([None], "No sequence shows anything outside its mask."),
    ],
)
def test_the_page_says_whether_there_is_a_shadow_to_learn(shares: list[float], said: str) -> None:
    assert said in describe_effect(pd.DataFrame({"effect_share": pd.Series(shares, dtype=float)}), 10.0)


def test_reasons_to_reject_and_warnings_are_listed_apart_the_most_frequent_first() -> None:
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
