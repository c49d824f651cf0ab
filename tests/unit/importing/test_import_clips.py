"""`inpaint import`, through the command line, with real files."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.importing.import_state import alone
from inpainting.video import reader, sequence
from PIL import Image

from .conftest import FRAMES, HEIGHT, WIDTH, Import, box, scene, write_folder, write_video


def table(dataset: Path) -> pd.DataFrame:
    return pd.read_csv(dataset / "import.tsv", sep="\t", dtype=str, keep_default_na=False)


def reason(dataset: Path, clip: str) -> str:
    rows = table(dataset)
    return str(rows["reason"][rows["clip"] == clip].iloc[-1])


def contents(dataset: Path) -> dict[str, bytes]:
    """All files but the ledger's by their names."""
    files = [path for path in dataset.rglob("*") if path.is_file() and ".import" not in path.parts]
    return {str(path.relative_to(dataset)): path.read_bytes() for path in files}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """videos/{one.mkv,two/}, masks/{one_mask.mkv,two.png} and truths/{one.mkv,two/}."""
    write_video(tmp_path / "videos" / "one.mkv", scene(1))
    write_folder(tmp_path / "videos" / "two", scene(2))
    write_video(tmp_path / "masks" / "one_mask.mkv", box())
    Image.fromarray(box()[0]).save(tmp_path / "masks" / "two.png")
    write_video(tmp_path / "truths" / "one.mkv", scene(3))
    write_folder(tmp_path / "truths" / "two", scene(4))
    return tmp_path


def given(clips: Path) -> list[str | Path]:
    return ["--videos", clips / "videos", "--masks", clips / "masks", "--truths", clips / "truths"]


def test_videos_and_folders_become_sequences_with_every_pixel_as_it_was(run: Import, clips: Path) -> None:
    assert run(*given(clips)) == 0
    dataset = clips / "dataset"
    assert np.array_equal(sequence.read_rgb(dataset / "one", 0, FRAMES), scene(1))
    assert np.array_equal(sequence.read_mask(dataset / "one", 0, FRAMES), box())
    assert np.array_equal(sequence.read_truth(dataset / "one", 0, FRAMES), scene(3))
    assert np.array_equal(sequence.read_rgb(dataset / "two", 0, FRAMES), scene(2))
    assert np.array_equal(sequence.read_mask(dataset / "two", 0, FRAMES), np.repeat(box()[:1], FRAMES, axis=0))
    rows = table(dataset)
    assert list(rows["id"]) == ["one", "two"] and set(rows["verdict"]) == {"made"}
    assert list(rows["source_rate"]) == ["24.0", ""] and set(rows["size"]) == {f"{WIDTH}x{HEIGHT}"}


def test_the_audit_accepts_what_was_imported(run: Import, clips: Path) -> None:
    hole = box()[..., None] > 0
    write_video(clips / "truths" / "one.mkv", np.where(hole, scene(3), scene(1)))
    shutil.rmtree(clips / "truths" / "two")
    write_folder(clips / "truths" / "two", np.where(hole[:1], scene(4), scene(2)))
    assert run(*given(clips)) == 0
    assert main(["audit", str(clips / "dataset"), str(clips / "audit"), "--frames", str(FRAMES)]) == 0
    manifest = pd.read_parquet(clips / "audit" / "manifest.parquet")
    assert list(manifest["id"]) == ["one", "two"] and set(manifest["verdict"]) == {"accepted"}


def test_a_long_clip_becomes_several_sequences_of_one_group(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "5", "--stride", "3") == 0
    dataset = clips / "dataset"
    ids = [f"{name}_{first:05d}" for name in ("one", "two") for first in (1, 4, 7)]
    assert list(table(dataset)["id"]) == ids
    for start, name in enumerate(ids[:3]):
        assert np.array_equal(sequence.read_rgb(dataset / name, 0, 5), scene(1)[3 * start : 3 * start + 5])
        assert np.array_equal(sequence.read_mask(dataset / name, 0, 5), box()[3 * start : 3 * start + 5])
    groups = pd.read_csv(dataset / "groups.tsv", sep="\t")
    assert dict(zip(groups["id"], groups["group"], strict=True)) == {name: name.split("_")[0] for name in ids}


def test_audit_and_split_keep_the_pieces_of_a_video_together(run: Import, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_video(tmp_path / "videos" / f"{name}.mkv", scene(ord(name)))
    assert run("--videos", tmp_path / "videos", "--make-masks", "--frames", "4") == 0
    manifest, split = tmp_path / "audit" / "manifest.parquet", tmp_path / "split.tsv"
    assert main(["audit", str(tmp_path / "dataset"), str(manifest.parent), "--frames", "4"]) == 0
    assert main(["split", str(manifest), str(split)]) == 0
    sets = pd.read_csv(split, sep="\t")
    assert len(sets) == 9 and set(sets["split"]) == {"train", "validation", "test"}
    assert (sets.groupby(sets["id"].str[0])["split"].nunique() == 1).all()


def test_frames_are_resampled_in_step_with_their_masks(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--rate", "12") == 0
    assert np.array_equal(sequence.read_rgb(clips / "dataset" / "one", 0, 6), scene(1)[::2])
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, 6), box()[::2])
    assert len(list((clips / "dataset" / "two" / "RGB_480").iterdir())) == FRAMES


@pytest.mark.parametrize(
    ("how", "size"), [("crop", (24, 24)), ("pad", (24, 24)), ("fit", (24, 19))], ids=["crop", "pad", "fit"]
)
def test_every_folder_gets_the_size_that_was_asked_for(
    run: Import, clips: Path, how: str, size: tuple[int, int]
) -> None:
    assert run(*given(clips), "--size", "24x24", "--resize", how) == 0
    for kind in sequence.FOLDERS:
        assert reader.read_video(clips / "dataset" / "one" / kind).size == size
    assert set(np.unique(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES))) == {0, 255}


def test_a_bad_clip_is_refused_with_its_reason_and_the_others_are_made(
    run: Import, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clips / "videos" / "bad.mp4").write_bytes(b"no video")
    (clips / "masks" / "bad.mp4").write_bytes(b"no video")
    write_video(clips / "truths" / "bad.mkv", scene(5))
    write_video(clips / "videos" / "odd.mkv", scene(6))
    write_video(clips / "masks" / "odd.mkv", box(frames=7))
    write_video(clips / "truths" / "odd.mkv", scene(6))
    write_video(clips / "videos" / "lone.mkv", scene(7))
    assert run(*given(clips)) == 1
    rows = table(clips / "dataset").set_index("clip")
    assert list(rows["verdict"][["bad", "lone", "odd", "one", "two"]]) == ["refused"] * 3 + ["made"] * 2
    assert "bad.mp4 can't be read" in reason(clips / "dataset", "bad")
    assert "holds no video, folder or image called lone or lone_mask" in reason(clips / "dataset", "lone")
    assert f"has 7 masks for the {FRAMES} frames" in reason(clips / "dataset", "odd")
    error = capsys.readouterr().err
    assert "3 of 5 clips were refused, such as bad" in error and "Traceback" not in error
    assert not list((clips / "dataset").glob(".partial*"))


def test_a_clip_without_a_truth_is_imported_and_refused_by_the_audit(run: Import, clips: Path) -> None:
    assert run(*given(clips)[:4]) == 0
    assert not (clips / "dataset" / "one" / "GT_480").exists()
    assert main(["audit", str(clips / "dataset"), str(clips / "audit"), "--frames", str(FRAMES)]) == 0
    manifest = pd.read_parquet(clips / "audit" / "manifest.parquet")
    assert set(manifest["verdict"]) == {"rejected"} and set(manifest["reasons"]) == {"missing_folder"}


def test_what_is_whole_is_not_made_again(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "4") == 0
    before = contents(clips / "dataset")
    times = {path: path.stat().st_mtime_ns for path in (clips / "dataset").rglob("frame_*.png")}
    assert run(*given(clips), "--frames", "4") == 0
    assert {path: path.stat().st_mtime_ns for path in (clips / "dataset").rglob("frame_*.png")} == times
    assert contents(clips / "dataset") == before


def test_a_lost_sequence_alone_is_made_again(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "4") == 0
    before = contents(clips / "dataset")
    kept = clips / "dataset" / "one_00001" / "RGB_480" / "frame_00001.png"
    time = kept.stat().st_mtime_ns
    (clips / "dataset" / "one_00005").rename(clips / "elsewhere")
    assert run(*given(clips), "--frames", "4") == 0
    assert contents(clips / "dataset") == before and kept.stat().st_mtime_ns == time


def test_other_settings_replace_what_was_made_and_leave_no_stale_sequence(run: Import, clips: Path) -> None:
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


def test_a_clip_that_went_bad_keeps_its_earlier_sequence_and_says_so(run: Import, clips: Path) -> None:
    assert run(*given(clips)) == 0
    write_video(clips / "masks" / "one_mask.mkv", box(frames=7))
    assert run(*given(clips)) == 1
    assert reason(clips / "dataset", "one").endswith("1 sequences of an earlier import stay as they were")
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())
    assert set(pd.read_csv(clips / "dataset" / "groups.tsv", sep="\t")["id"]) == {"one", "two"}


@pytest.mark.parametrize("kind", ["a.gif", "b.JPG", "c.tif", "d.webp"])
def test_other_formats_are_read(run: Import, tmp_path: Path, kind: str) -> None:
    pictures = [Image.fromarray(frame) for frame in np.repeat(box()[..., None], 3, axis=-1) // 2]
    if kind.endswith(".gif"):
        pictures[0].save(tmp_path / kind, save_all=True, append_images=pictures[1:], duration=100)
    else:
        (tmp_path / kind[0]).mkdir()
        for number, picture in enumerate(pictures):
            picture.save(tmp_path / kind[0] / f"{number}{kind[1:]}")
    clip = next(tmp_path.glob(f"{kind[0]}*"))
    assert run("--videos", clip, "--masks", write_folder(tmp_path / "masks", box())) == 0
    read = sequence.read_rgb(tmp_path / "dataset" / kind[0], 0, FRAMES).astype(int)
    assert np.abs(read - (box() // 2)[..., None]).mean() < 3


def test_a_later_import_adds_to_the_tables(run: Import, clips: Path) -> None:
    assert run(*given(clips)) == 0
    write_video(clips / "more" / "three.mkv", scene(8))
    assert run("--videos", clips / "more" / "three.mkv", "--make-masks") == 0
    assert list(table(clips / "dataset")["id"]) == ["one", "three", "two"]
    assert set(pd.read_csv(clips / "dataset" / "groups.tsv", sep="\t")["id"]) == {"one", "two", "three"}


def test_a_folder_that_no_import_made_is_not_touched(run: Import, clips: Path) -> None:
    (clips / "dataset" / "one").mkdir(parents=True)
    assert run(*given(clips)) == 1
    assert "is there already and not of this clip" in reason(clips / "dataset", "one")
    assert not list((clips / "dataset" / "one").iterdir())


def test_the_number_of_processes_changes_no_byte(clips: Path) -> None:
    for workers in (1, 2):
        command = ["import", "--videos", str(clips / "videos"), "--make-masks", "--workers", str(workers)]
        assert main([*command, "--out", str(clips / f"dataset-{workers}")]) == 0
    assert contents(clips / "dataset-1") == contents(clips / "dataset-2")


def test_a_piece_with_nothing_to_inpaint_is_left_out_and_that_is_no_failure(run: Import, clips: Path) -> None:
    mask = box()
    mask[6:] = 0
    write_video(clips / "masks" / "one_mask.mkv", mask)
    assert run(*given(clips), "--frames", "6") == 0
    rows = table(clips / "dataset").set_index("id")
    assert rows.loc["one_00001", "verdict"] == "made" and rows.loc["one_00007", "verdict"] == "left out"
    assert not (clips / "dataset" / "one_00007").exists()


def test_masks_of_zero_and_one_are_told_of_the_threshold(run: Import, clips: Path) -> None:
    write_video(clips / "masks" / "one_mask.mkv", box() // 255)
    assert run(*given(clips)) == 0
    assert "masks reach 1, --mask-threshold is 128" in reason(clips / "dataset", "one")
    assert run(*given(clips), "--mask-threshold", "1") == 0
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())


def test_inverted_masks_are_turned_round(run: Import, clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_video(clips / "masks" / "one_mask.mkv", 255 - box())
    assert run(*given(clips)) == 0
    assert "use --mask-invert" in caplog.text
    assert run("--videos", clips / "videos" / "one.mkv", "--masks", clips / "masks", "--mask-invert") == 0
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())


def test_a_video_that_breaks_off_keeps_the_sequences_before(run: Import, clips: Path) -> None:
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


def test_two_imports_into_one_folder_do_not_mix(run: Import, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(clips / "dataset"):
        assert run(*given(clips)) == 1
    assert "another import is writing" in capsys.readouterr().err


def test_what_a_kill_left_half_written_is_removed(run: Import, clips: Path) -> None:
    (clips / "dataset" / ".partial-x" / "one").mkdir(parents=True)
    assert run(*given(clips)) == 0
    assert not list((clips / "dataset").glob(".partial*"))


def test_a_killed_import_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_video(tmp_path / "videos" / f"{name}.mkv", scene(frames=60, size=(64, 48)))
    options = ["import", "--videos", str(tmp_path / "videos"), "--make-masks", "--frames", "5", "--out"]
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    command = [sys.executable, "-m", "inpainting.cli", *options, str(killed)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(killed.glob("[ab]_*")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 1 <= len(list(killed.glob("[ab]_*"))) < 24 and not (killed / "import.tsv").exists()
    assert main([*options, str(killed)]) == 0
    assert main([*options, str(undisturbed)]) == 0
    assert contents(killed) == contents(undisturbed)


def test_a_video_that_was_cut_short_is_refused(run: Import, clips: Path) -> None:
    whole = write_video(clips / "videos" / "one.mkv", scene(1, frames=60)).read_bytes()
    (clips / "videos" / "one.mkv").write_bytes(whole[: len(whole) // 2])
    assert run(*given(clips)) == 1
    assert "it was cut short, or is damaged" in reason(clips / "dataset", "one")


def test_masks_with_a_frame_missing_in_their_midst_are_refused(run: Import, clips: Path) -> None:
    (clips / "masks" / "two.png").unlink()
    masks = write_folder(clips / "masks" / "two", box())
    (masks / "00005.png").rename(masks / "00012.png")
    assert run(*given(clips)) == 1
    assert "a frame may be missing" in reason(clips / "dataset", "two")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--videos: one of --videos, --table and --davis is needed"),
        (["--videos", "a", "--table", "b"], "--table: one of --videos, --table and --davis is needed"),
        (["--videos", "a"], "--masks: a mask is needed for each clip"),
        (["--videos", "a", "--masks", "b", "--make-masks"], "--masks: with --make-masks the clips are the truth"),
        (["--table", "a", "--truths", "b"], "--truths: goes with --videos"),
        (["--videos", "a", "--make-masks", "--stride", "2"], "--stride: 2 frames between sequences need --frames"),
        (["--videos", "a", "--make-masks", "--size", "8x8"], "--size: 8x8 is too small for the model"),
        (["--videos", "nowhere/*.mp4", "--make-masks"], "--videos: nowhere/*.mp4 is no video and no folder"),
    ],
)
def test_options_that_can_not_be_used_are_told_in_a_sentence(
    run: Import, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options) == 2
    assert capsys.readouterr().err.startswith(f"inpaint import: {sentence}")
