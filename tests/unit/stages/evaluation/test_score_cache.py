"""Which sequences an evaluation scores again, and which it takes from the cache."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from inpainting.baselines.per_frame import telea
from inpainting.core.files import read_table, write_table
from inpainting.video.masks import dilate
from inpainting.video.sequence import RGB, frame_name, read_images

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset, Evaluated, Scene, Untimed


def set_digest(dataset: Dataset, sequence: str, digest: str) -> None:
    """Change a sequence's digest in the manifest, as an audit does after its frames changed."""
    manifest = read_table(dataset.manifest)
    manifest.loc[manifest["id"] == sequence, "digest"] = digest
    write_table(dataset.manifest, manifest)


def scored(caplog: pytest.LogCaptureFixture) -> str:
    """How many sequences the last evaluation scored."""
    return re.findall(r"(\d+ of \d+) sequences are new or changed", caplog.text)[-1]


def test_only_new_and_changed_sequences_are_scored(dataset: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    out = dataset.root / "telea.parquet"
    assert dataset.evaluate("telea", out, "--limit", "2") == 0
    assert scored(caplog) == "2 of 2"
    assert dataset.evaluate("telea", out) == 0
    assert scored(caplog) == "1 of 3"
    first = out.read_bytes()
    out.unlink()
    assert dataset.evaluate("telea", out, "--label", "another", "--workers", "2") == 0
    assert scored(caplog) == "0 of 3"
    assert dataset.evaluate("telea", out) == 0
    assert out.read_bytes() == first, "durations included"
    set_digest(dataset, "b", "changed")
    assert dataset.evaluate("telea", out) == 0
    assert scored(caplog) == "1 of 3"
    assert dataset.evaluate("telea", out, "--extras", "[]") == 0
    assert scored(caplog) == "3 of 3"


def test_an_unreadable_sequence_is_an_error_with_its_name_and_finished_scores_are_kept(
    dataset: Dataset,
    evaluated: Evaluated,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    untimed: Untimed,
) -> None:
    caplog.set_level(logging.INFO)
    out, broken = dataset.root / "telea.parquet", dataset.sequences / "c" / RGB / frame_name(4)
    whole = broken.read_bytes()
    broken.write_bytes(whole[:40])
    assert dataset.evaluate("telea", out) == 1
    assert "sequence c" in capsys.readouterr().err
    assert not out.exists()
    broken.write_bytes(whole)
    assert dataset.evaluate("telea", out) == 0
    assert "1 of 3 sequences are new or changed" in caplog.text
    pd.testing.assert_frame_equal(untimed(out), untimed(evaluated.results["telea"]))


def test_scores_cached_with_other_settings_are_not_used(dataset: Dataset, tmp_path: Path, untimed: Untimed) -> None:
    out, broken = dataset.root / "telea.parquet", dataset.sequences / "c" / RGB / frame_name(4)
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    assert dataset.evaluate("telea", out, "--mask-dilation", "5") == 1
    broken.write_bytes(whole)
    assert dataset.evaluate("telea", out) == 0
    assert dataset.evaluate("telea", tmp_path / "fresh.parquet") == 0
    pd.testing.assert_frame_equal(untimed(out), untimed(tmp_path / "fresh.parquet"))


def test_the_frames_of_the_first_sequences_are_kept(evaluated: Evaluated, make_scene: Scene) -> None:
    folder = evaluated.dataset.root / "examples" / "telea"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["composited", "key", "raw"]
    assert list(read_table(folder.with_suffix(".tsv"))["sequence"]) == ["a", "b"]
    rgb, mask, _ = make_scene(1)
    assert np.array_equal(read_images(folder / "a" / "raw", 0, 5, "RGB"), telea(rgb, dilate(mask > 127, 2)))
    composited = read_images(folder / "a" / "composited", 0, 5, "RGB")
    known = ~dilate(mask > 127, 2)
    assert np.array_equal(composited[known], rgb[known])


def test_frames_are_written_for_a_sequence_that_becomes_an_example(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    out, examples = dataset.root / "telea.parquet", dataset.root / "telea"
    for count, again in ((1, "3 of 3"), (2, "1 of 3"), (1, "0 of 3")):
        assert dataset.evaluate("telea", out, "--examples", str(count), "--examples-out", str(examples)) == 0
        assert scored(caplog) == again
        assert sorted(path.name for path in examples.iterdir()) == ["a", "b"][:count]
        assert list(read_table(examples.with_suffix(".tsv"))["sequence"]) == ["a", "b"][:count]


def test_a_learned_method_with_all_scores_cached_loads_no_model(
    dataset: Dataset, tiny_base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    options = ["--base", str(tiny_base), "--device", "cpu", "--window", "9", "--extras", "[]", "--limit", "1"]
    assert dataset.evaluate("ceiling", tmp_path / "x.parquet", *options) == 0
    assert "VAE in float32" in caplog.text
    caplog.clear()
    assert dataset.evaluate("ceiling", tmp_path / "x.parquet", *options) == 0
    assert scored(caplog) == "0 of 1" and "VAE in" not in caplog.text
