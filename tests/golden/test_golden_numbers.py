"""The comparison of golden numbers finds and lists what moved."""

from pathlib import Path

import pytest
from golden_numbers import Golden, Numbers, differences


@pytest.mark.parametrize(
    "golden, found",
    [
        ({"a": 1.0}, {"a": 1.0009}),
        ({"a": 0.0}, {"a": 1e-7}),
        ({"a": 3}, {"a": 3}),
        ({"a": "train"}, {"a": "train"}),
    ],
)
def test_numbers_within_the_tolerance_are_equal(golden: Numbers, found: Numbers) -> None:
    assert differences(golden, found, relative=1e-3, absolute=1e-6) == []


@pytest.mark.parametrize(
    "golden, found, line",
    [
        ({"a": 1.0}, {"a": 1.0021}, "a: from 1.0 to 1.0021"),
        ({"a": 0.0}, {"a": 1e-5}, "a: from 0.0 to 1e-05"),
        ({"a": 1.0}, {"a": float("nan")}, "a: from 1.0 to nan"),
        ({"a": 3000}, {"a": 3001}, "a: from 3000 to 3001"),
        ({"a": 3.0}, {"a": 3}, "a: from 3.0 to 3"),
        ({"a": "train"}, {"a": "test"}, "a: from train to test"),
        ({"a": 1.0, "b": 2}, {"a": 1.0}, "b: was 2, is missing"),
        ({"a": 1.0}, {"a": 1.0, "b": 2}, "b: is new, 2"),
    ],
)
def test_each_number_that_moved_is_listed(golden: Numbers, found: Numbers, line: str) -> None:
    assert differences(golden, found, relative=1e-3, absolute=1e-6) == [line]


def test_moved_numbers_are_written_only_with_another_version(tmp_path: Path) -> None:
    renewing, comparing = Golden(tmp_path, renew=True), Golden(tmp_path, renew=False)
    renewing.check("stage", 1, {"b": 1 / 3, "a": 2}, relative=1e-5)
    assert (tmp_path / "stage.json").read_text() == '{\n "a": 2,\n "b": 0.333333,\n "version": 1\n}\n'
    comparing.check("stage", 1, {"b": 1 / 3, "a": 2}, relative=1e-5)
    for golden in (comparing, renewing):  # the version has to be raised first
        with pytest.raises(pytest.fail.Exception, match=r"1 of the 3 .*\n  a: from 2 to 4\n.*version.*--renew-golden"):
            golden.check("stage", 1, {"b": 1 / 3, "a": 4}, relative=1e-5)
    with pytest.raises(pytest.fail.Exception, match="version: from 1 to 2"):
        comparing.check("stage", 2, {"b": 1 / 3, "a": 2}, relative=1e-5)
    renewing.check("stage", 2, {"b": 1 / 3, "a": 4}, relative=1e-5)
    comparing.check("stage", 2, {"b": 1 / 3, "a": 4}, relative=1e-5)


def test_new_numbers_need_no_other_version_and_leave_the_others_as_they_are(tmp_path: Path) -> None:
    renewing = Golden(tmp_path, renew=True)
    renewing.check("stage", 1, {"a": 2.0}, relative=0)
    renewing.check("stage", 1, {"a": 2.0001}, relative=0.01)
    renewing.check("stage", 1, {"a": 2.0001, "b": 3}, relative=0.01)
    Golden(tmp_path, renew=False).check("stage", 1, {"a": 2.0, "b": 3}, relative=0)
