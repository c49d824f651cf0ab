"""Options of `inpaint evaluate` that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset


def test_an_adapter_needs_its_folder_and_other_methods_take_none(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset.evaluate("adapter", dataset.root / "x.parquet") == 2
    assert "--adapter" in capsys.readouterr().err
    assert dataset.evaluate("telea", dataset.root / "x.parquet", "--adapter", str(dataset.root)) == 2


def test_an_unknown_method_is_wrong_usage_and_the_message_lists_the_methods(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset.evaluate("magic", dataset.root / "x.parquet") == 2
    assert "temporal_median" in capsys.readouterr().err


def test_a_missing_dataset_is_wrong_usage(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert dataset.evaluate("telea", dataset.root / "x.parquet", "--dataset", "nowhere") == 2
    assert "--dataset" in capsys.readouterr().err
