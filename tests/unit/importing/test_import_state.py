"""Repeated, changed and interrupted imports: only what is missing or outdated is made."""

import subprocess
import sys
import time
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.importing.import_state import exclusive
from inpainting.video import sequence
from PIL import Image

from .conftest import (
    FRAMES,
    Import,
    box,
    contents,
    given,
    reason,
    scene,
    table,
    write_video,
)


def test_finished_sequences_are_not_made_again(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "4") == 0
    before = contents(clips / "dataset")
    times = {path: path.stat().st_mtime_ns for path in (clips / "dataset").rglob("frame_*.png")}
    assert run(*given(clips), "--frames", "4") == 0
    assert {path: path.stat().st_mtime_ns for path in (clips / "dataset").rglob("frame_*.png")} == times
    assert contents(clips / "dataset") == before


def test_only_a_missing_sequence_is_made_again(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "4") == 0
    before = contents(clips / "dataset")
    kept = clips / "dataset" / "one_00001" / "RGB_480" / "frame_00001.png"
    time = kept.stat().st_mtime_ns
    (clips / "dataset" / "one_00005").rename(clips / "elsewhere")
    assert run(*given(clips), "--frames", "4") == 0
    assert contents(clips / "dataset") == before and kept.stat().st_mtime_ns == time


def test_other_settings_replace_all_sequences(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "4") == 0
    assert run(*given(clips), "--frames", "6") == 0
    folders = {path.name for path in (clips / "dataset").iterdir() if path.is_dir()} - {".import"}
    assert folders == {"one_00001", "one_00007", "two_00001", "two_00007"}
    assert set(pd.read_csv(clips / "dataset" / "groups.tsv", sep="\t")["id"]) == folders
    assert len(list((clips / "dataset" / "one_00001" / "RGB_480").iterdir())) == 6


def test_a_changed_mask_is_noticed(run: Import, clips: Path) -> None:
    assert run(*given(clips)) == 0
    write_video(clips / "masks" / "one_mask.mkv", box()[::-1].copy())
    assert run(*given(clips)) == 0
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box()[::-1])


def test_a_clip_that_became_unreadable_keeps_its_earlier_sequence(run: Import, clips: Path) -> None:
    assert run(*given(clips)) == 0
    write_video(clips / "masks" / "one_mask.mkv", box(frames=7))
    assert run(*given(clips)) == 1
    assert reason(clips / "dataset", "one").endswith("1 sequences of an earlier import stay as they were")
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())
    assert set(pd.read_csv(clips / "dataset" / "groups.tsv", sep="\t")["id"]) == {"one", "two"}


def test_a_later_import_adds_to_the_tables(run: Import, clips: Path) -> None:
    assert run(*given(clips)) == 0
    write_video(clips / "more" / "three.mkv", scene(8))
    assert run("--videos", clips / "more" / "three.mkv", "--make-masks") == 0
    assert list(table(clips / "dataset")["id"]) == ["one", "three", "two"]
    assert set(pd.read_csv(clips / "dataset" / "groups.tsv", sep="\t")["id"]) == {"one", "two", "three"}


def test_a_folder_that_no_import_made_is_not_touched(run: Import, clips: Path) -> None:
    (clips / "dataset" / "one").mkdir(parents=True)
    assert run(*given(clips)) == 1
    assert "exists and is not of this clip" in reason(clips / "dataset", "one")
    assert not list((clips / "dataset" / "one").iterdir())


def test_a_video_that_ends_early_keeps_its_finished_sequences(run: Import, clips: Path) -> None:
    frames = scene(1)
    folder = clips / "videos" / "two"
    (folder / f"{FRAMES - 1:05d}.png").write_bytes(b"no picture")
    assert run(*given(clips), "--frames", "6") == 1
    rows = table(clips / "dataset")
    two = rows[rows["clip"] == "two"]
    assert list(two["verdict"]) == ["made", "refused"] and "00011.png can't be read" in two["reason"].iloc[1]
    assert list((clips / "dataset").glob("two*")) == [clips / "dataset" / "two_00001"]
    Image.fromarray(frames[0]).save(folder / f"{FRAMES - 1:05d}.png")
    assert run(*given(clips), "--frames", "6") == 0
    assert (clips / "dataset" / "two_00007").is_dir()


def test_a_second_import_into_the_same_folder_is_refused(
    run: Import, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with exclusive(clips / "dataset"):
        assert run(*given(clips)) == 1
    assert "another import is writing" in capsys.readouterr().err


def test_incomplete_files_of_a_killed_import_are_removed(run: Import, clips: Path) -> None:
    (clips / "dataset" / ".partial-x" / "one").mkdir(parents=True)
    assert run(*given(clips)) == 0
    assert not list((clips / "dataset").glob(".partial*"))


def test_a_killed_import_is_continued_to_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_video(tmp_path / "videos" / f"{name}.mkv", scene(frames=60, size=(64, 48)))
    options = ["--videos", tmp_path / "videos", "--make-masks", "--frames", "5", "--workers", "2"]
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    command = [sys.executable, "-m", "inpainting.cli", *commands.import_clips(killed, *options)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(killed.glob("[ab]_*")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 1 <= len(list(killed.glob("[ab]_*"))) < 24 and not (killed / "import.tsv").exists()
    assert main(commands.import_clips(killed, *options)) == 0
    assert main(commands.import_clips(undisturbed, *options)) == 0
    assert contents(killed) == contents(undisturbed)
