"""`inpaint import`, through the command line, with real files."""

import shutil
import unicodedata
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.video import reader, sequence
from PIL import Image

from .conftest import (
    FRAMES,
    HEIGHT,
    WIDTH,
    Import,
    box,
    contents,
    given,
    reason,
    scene,
    table,
    write_folder,
    write_video,
)


def test_videos_and_folders_become_sequences_with_the_same_pixels(run: Import, clips: Path) -> None:
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
    assert main(commands.audit(clips / "dataset", clips / "audit", "--frames", str(FRAMES))) == 0
    manifest = pd.read_parquet(clips / "audit" / "manifest.parquet")
    assert list(manifest["id"]) == ["one", "two"] and set(manifest["verdict"]) == {"accepted"}


def test_a_long_clip_becomes_several_sequences_of_one_group(run: Import, clips: Path) -> None:
    assert run(*given(clips), "--frames", "5") == 0
    dataset = clips / "dataset"
    ids = [f"{name}_{first:05d}" for name in ("one", "two") for first in (1, 6)]
    assert list(table(dataset)["id"]) == ids
    for start, name in enumerate(ids[:2]):
        assert np.array_equal(sequence.read_rgb(dataset / name, 0, 5), scene(1)[5 * start : 5 * start + 5])
        assert np.array_equal(sequence.read_mask(dataset / name, 0, 5), box()[5 * start : 5 * start + 5])
    groups = pd.read_csv(dataset / "groups.tsv", sep="\t")
    assert dict(zip(groups["id"], groups["group"], strict=True)) == {name: name.split("_")[0] for name in ids}


def test_audit_and_split_keep_the_pieces_of_a_video_together(run: Import, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_video(tmp_path / "videos" / f"{name}.mkv", scene(ord(name)))
    assert run("--videos", tmp_path / "videos", "--make-masks", "--frames", "4") == 0
    manifest, split = tmp_path / "audit" / "manifest.parquet", tmp_path / "split.tsv"
    assert main(commands.audit(tmp_path / "dataset", manifest.parent, "--frames", "4")) == 0
    assert main(commands.split(manifest, split)) == 0
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
def test_every_folder_has_the_requested_size(run: Import, clips: Path, how: str, size: tuple[int, int]) -> None:
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
    assert main(commands.audit(clips / "dataset", clips / "audit", "--frames", str(FRAMES))) == 0
    manifest = pd.read_parquet(clips / "audit" / "manifest.parquet")
    assert set(manifest["verdict"]) == {"rejected"} and set(manifest["reasons"]) == {"missing_folder"}


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


def test_the_number_of_processes_does_not_change_the_result(clips: Path) -> None:
    for workers in (1, 2):
        options = ["--videos", clips / "videos", "--make-masks", "--workers", workers]
        assert main(commands.import_clips(clips / f"dataset-{workers}", *options)) == 0
    assert contents(clips / "dataset-1") == contents(clips / "dataset-2")


def test_a_piece_with_an_empty_mask_is_left_out_without_failing(run: Import, clips: Path) -> None:
    mask = box()
    mask[6:] = 0
    write_video(clips / "masks" / "one_mask.mkv", mask)
    assert run(*given(clips), "--frames", "6") == 0
    rows = table(clips / "dataset").set_index("id")
    assert rows.loc["one_00001", "verdict"] == "made" and rows.loc["one_00007", "verdict"] == "left out"
    assert not (clips / "dataset" / "one_00007").exists()


def test_masks_of_zero_and_one_are_refused_with_their_highest_value(run: Import, clips: Path) -> None:
    write_video(clips / "masks" / "one_mask.mkv", box() // 255)
    for options in ([], ["--frames", "4"], ["--frames", "4"], ["--mask-invert"]):  # again: from what was kept
        assert run(*given(clips), *options) == 1
        assert "the masks' values reach 1 of 255, below the threshold, 128" in reason(clips / "dataset", "one")
        assert not list((clips / "dataset").glob("one*"))
    assert run(*given(clips), "--mask-threshold", "1") == 0
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())


def test_mask_invert_inverts_masks(run: Import, clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_video(clips / "masks" / "one_mask.mkv", 255 - box())
    assert run(*given(clips)) == 0
    assert "use --mask-invert" in caplog.text
    assert run("--videos", clips / "videos" / "one.mkv", "--masks", clips / "masks", "--mask-invert") == 0
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())


def test_a_video_that_was_cut_short_is_refused(run: Import, clips: Path) -> None:
    whole = write_video(clips / "videos" / "one.mkv", scene(1, frames=60)).read_bytes()
    (clips / "videos" / "one.mkv").write_bytes(whole[: len(whole) // 2])
    assert run(*given(clips)) == 1
    assert "it was cut short, or is damaged" in reason(clips / "dataset", "one")


def test_masks_with_a_missing_frame_are_refused(run: Import, clips: Path) -> None:
    (clips / "masks" / "two.png").unlink()
    masks = write_folder(clips / "masks" / "two", box())
    (masks / "00005.png").rename(masks / "00012.png")
    assert run(*given(clips)) == 1
    assert "a frame may be missing" in reason(clips / "dataset", "two")


def test_frames_of_every_second_number_are_used_in_order_with_masks_of_the_same_numbers(
    run: Import, tmp_path: Path
) -> None:
    for folder, frames in (("videos", scene(1)), ("masks", box())):
        (tmp_path / folder).mkdir()
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(tmp_path / folder / f"{2 * number:05d}.png")
    assert run("--videos", tmp_path / "videos", "--masks", tmp_path / "masks") == 0
    assert np.array_equal(sequence.read_mask(tmp_path / "dataset" / "videos", 0, FRAMES), box())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--videos: one of --videos, --table, --davis and --sequences is needed"),
        (["--videos", "a", "--table", "b"], "--table: one of --videos, --table, --davis and --sequences is needed"),
        (["--videos", "a"], "--masks: a mask is needed for each clip"),
        (["--videos", "a", "--masks", "b", "--make-masks"], "--masks: with --make-masks the clips are the truth"),
        (["--table", "a", "--truths", "b"], "--truths: goes with --videos"),
        (["--videos", "a", "--make-masks", "--size", "8x8"], "--size: 8x8 is too small for the model"),
        (["--videos", "nowhere/*.mp4", "--make-masks"], "--videos: nowhere/*.mp4 is no video and no folder"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(
    run: Import, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options) == 2
    assert capsys.readouterr().err.startswith(f"inpaint import: {sentence}")


def test_names_are_paired_whatever_the_form_of_their_accents(run: Import, tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    write_video(tmp_path / "videos" / f"{names[1]}.mkv", scene())
    write_video(tmp_path / "masks" / f"{names[0]}.mkv", box())
    assert run("--videos", tmp_path / "videos", "--masks", tmp_path / "masks") == 0
    assert list(table(tmp_path / "dataset")["id"]) == [names[0]]


def test_frames_without_a_mask_are_named_or_taken_as_empty(run: Import, clips: Path) -> None:
    (clips / "masks" / "two.png").unlink()
    masks = write_folder(clips / "masks" / "two", box())
    for number in (3, 4):
        (masks / f"{number:05d}.png").unlink()
    assert run(*given(clips)) == 1
    assert "00003.png, 00004.png have none, --missing-masks empty" in reason(clips / "dataset", "two")
    assert run(*given(clips), "--missing-masks", "empty") == 0
    expected = box()
    expected[3:5] = 0
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "two", 0, FRAMES), expected)
    assert np.array_equal(sequence.read_mask(clips / "dataset" / "one", 0, FRAMES), box())


def test_masks_of_another_rate_are_paired_by_time(run: Import, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mkv", scene(), rate=24)
    masks = write_video(tmp_path / "masks.mkv", np.repeat(box(), 2, axis=0), rate=48)
    assert run("--videos", clip, "--masks", masks) == 1
    assert "48 and 24 frames per second, --rate pairs them by time" in reason(tmp_path / "dataset", "clip")
    assert run("--videos", clip, "--masks", masks, "--rate", "24") == 0
    assert np.array_equal(sequence.read_mask(tmp_path / "dataset" / "clip", 0, FRAMES), box())


def test_sequences_whose_frames_have_other_names_are_imported_with_their_groups(run: Import, tmp_path: Path) -> None:
    for name in ("a", "b"):
        for folder, frames in zip(("in", "hole", "out"), (scene(1), box(), scene(2)), strict=True):
            write_folder(tmp_path / "given" / name / folder, frames)
    (tmp_path / "given" / "groups.tsv").write_text("id;group\na;scene\nb;scene\n")
    names = ["--rgb-folder", "in", "--mask-folder", "hole", "--truth-folder", "out"]
    assert run("--sequences", tmp_path / "given", *names) == 0
    folders = sequence.Folders("in", "hole", "out")
    assert np.array_equal(sequence.read_mask(tmp_path / "dataset" / "b", 0, FRAMES, folders), box())
    assert np.array_equal(sequence.read_truth(tmp_path / "dataset" / "b", 0, FRAMES, folders), scene(2))
    assert set(table(tmp_path / "dataset")["group"]) == {"scene"}
