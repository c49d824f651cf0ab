"""Outputs of another tool."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from inpainting.artifacts.scores import read_results
from inpainting.baselines.per_frame import telea
from inpainting.stages.evaluation.external import outputs_stamp
from inpainting.video.masks import dilate
from inpainting.video.reader import Video
from inpainting.video.writer import write_video
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset, Evaluated, Scene, Untimed


def outputs_of(dataset: Dataset, make_scene: Scene, folder: Path) -> Path:
    """Another tool's frames, which are Telea's: two sequences as images, one as a lossless video."""
    for seed, name in enumerate("abc", start=1):
        rgb, mask, _ = make_scene(seed, still=name == "b")
        made = telea(rgb, dilate(mask > 127, 2))
        if name == "b":
            write_video(folder / "b.mkv", Video(made, Fraction(10)))
        else:
            (folder / name).mkdir(parents=True)
            for number, frame in enumerate(made):
                Image.fromarray(frame).save(folder / name / f"out_{number}.png")
    return folder


def test_another_tools_frames_score_as_the_same_frames_of_a_baseline(
    dataset: Dataset, evaluated: Evaluated, make_scene: Scene, tmp_path: Path, untimed: Untimed
) -> None:
    folder = outputs_of(dataset, make_scene, tmp_path / "outputs")
    out = tmp_path / "theirs.parquet"
    assert dataset.evaluate("external", out, "--outputs", str(folder), "--label", "theirs") == 0
    found, expected = untimed(out), untimed(evaluated.results["telea"])
    pd.testing.assert_frame_equal(found.assign(method="telea"), expected)
    assert read_results(out).kind == "external"
    assert read_results(out).frames["seconds_per_frame"].isna().all()
    assert dataset.tables([out, evaluated.results["masked_input"]], tmp_path / "tables") == 0


def test_outputs_that_do_not_match_the_sequence_are_refused_with_their_path(
    dataset: Dataset, make_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = outputs_of(dataset, make_scene, tmp_path / "outputs")
    options = ["--outputs", str(folder)]
    (folder / "c" / "out_4.png").rename(folder / "c" / "out_5.png")
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "c do not match; a frame may be missing" in capsys.readouterr().err
    (folder / "c" / "out_5.png").unlink()
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "has 4 frames, but the sequence has 5, of which 5 are scored; give all 5" in capsys.readouterr().err
    shutil.rmtree(folder / "c")
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "has no output for the sequence c" in capsys.readouterr().err
    (folder / "c").mkdir()
    Image.new("RGB", (32, 30)).save(folder / "c" / "0.png")
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "has frames of 32x30, but the sequence's are 32x24" in capsys.readouterr().err
    assert dataset.evaluate("external", tmp_path / "x.parquet") == 2
    assert dataset.evaluate("telea", tmp_path / "x.parquet", *options) == 2


def test_the_stamp_of_outputs_changes_with_a_file_in_place_and_not_with_the_folders_time(tmp_path: Path) -> None:
    frame = tmp_path / "outputs" / "a" / "0.png"
    frame.parent.mkdir(parents=True)
    frame.write_bytes(b"one")
    before = outputs_stamp(str(tmp_path / "outputs"))
    os.utime(tmp_path / "outputs", (0, 0))
    assert outputs_stamp(str(tmp_path / "outputs")) == before
    frame.write_bytes(b"two")
    os.utime(frame, (1, 1))
    assert outputs_stamp(str(tmp_path / "outputs")) != before
