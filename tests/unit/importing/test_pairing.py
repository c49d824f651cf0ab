from pathlib import Path

import pytest
from inpainting.core.errors import InputError, UsageError
from inpainting.importing.pairing import ClipFiles, find_clips
from inpainting.importing.settings import ImportCommand

from .conftest import box, scene, write_folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Empty files and folders: nothing is opened to pair them."""
    for name in (
        "v/bear.mp4",
        "v/boat.mov",
        "v/notes.txt",
        "m/bear.mkv",
        "m/boat_mask.png",
        "t/bear.mp4",
        "t/boat.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def find(place: Path, **options: object) -> list[ClipFiles]:
    return find_clips(ImportCommand.model_validate({"out": place / "out", **options}))


def test_videos_masks_and_truths_are_paired_by_name(place: Path) -> None:
    clips = find(place, videos=str(place / "v"), masks=place / "m", truths=place / "t")
    assert clips == [
        ClipFiles("bear", place / "v/bear.mp4", place / "m/bear.mkv", place / "t/bear.mp4", "bear"),
        ClipFiles("boat", place / "v/boat.mov", place / "m/boat_mask.png", place / "t/boat.mp4", "boat"),
    ]


def test_a_pattern_names_clips_and_one_mask_serves_all(place: Path) -> None:
    clips = find(place, videos=str(place / "v" / "b*.m*"), masks=place / "m" / "bear.mkv")
    assert [(clip.name, clip.mask) for clip in clips] == [(name, place / "m/bear.mkv") for name in ("bear", "boat")]


def test_masks_and_truths_may_be_in_the_videos_folder(place: Path) -> None:
    for name in ("bear_mask.mp4", "boat_mask.mp4", "bear_truth.mp4", "boat_truth.mp4"):
        (place / "v" / name).touch()
    clips = find(place, videos=str(place / "v"), masks=place / "v", truths=place / "v")
    assert [clip.name for clip in clips] == ["bear", "boat"]
    assert [clip.mask.name for clip in clips if clip.mask] == ["bear_mask.mp4", "boat_mask.mp4"]
    assert [clip.truth.name for clip in clips if clip.truth] == ["bear_truth.mp4", "boat_truth.mp4"]


def test_a_folder_of_masks_serves_a_single_clip(tmp_path: Path) -> None:
    clip = write_folder(tmp_path / "frames", scene())
    masks = write_folder(tmp_path / "masks", box())
    assert find(tmp_path, videos=str(clip), masks=masks) == [ClipFiles("frames", clip, masks, None, "frames")]


def test_two_masks_for_a_clip_are_a_problem_of_only_that_clip(place: Path) -> None:
    (place / "m" / "bear.png").touch()
    bear, boat = find(place, videos=str(place / "v"), masks=place / "m")
    assert bear.problem.endswith("holds bear.mkv and bear.png for it; keep one") and not boat.problem


def test_clips_of_the_same_name_need_a_table(place: Path) -> None:
    (place / "v" / "bear.mkv").touch()
    bears = find(place, videos=str(place / "v"), make_masks=True)[:2]
    assert all("2 clips are called bear" in bear.problem for bear in bears)


def test_paths_in_a_table_are_relative_to_its_folder(place: Path) -> None:
    table = place / "clips.tsv"
    table.write_text(
        "name\tvideo\tmask\ttruth\tgroup\n01\tv/bear.mp4\tm/bear.mkv\tt/bear.mp4\tzoo\n2\tv/boat.mov\tm/x\t\t\n"
    )
    first, second = find(place, table=table)
    assert first == ClipFiles("01", place / "v/bear.mp4", place / "m/bear.mkv", place / "t/bear.mp4", "zoo")
    assert second.truth is None and second.group == "2" and second.problem == f"{place / 'm/x'} does not exist"


def test_a_table_without_the_required_columns_is_refused(place: Path) -> None:
    (place / "clips.tsv").write_text("clip,mask\n")
    with pytest.raises(
        InputError, match="separated by commas; its first line should name name, video; mask, truth, group may"
    ):
        find(place, table=place / "clips.tsv")


@pytest.mark.parametrize("name", [".hidden", "a/b", "", "a\x07b"])
def test_names_that_no_folder_can_have_are_refused(place: Path, name: str) -> None:
    (place / "clips.tsv").write_text(f"name\tvideo\n{name}\tv/bear.mp4\n")
    assert "can't be a folder's name" in find(place, table=place / "clips.tsv", make_masks=True)[0].problem


def test_davis_layout_is_read_at_480p(tmp_path: Path) -> None:
    for name in ("JPEGImages/480p/bear", "JPEGImages/480p/boat", "Annotations/480p/bear", "JPEGImages/1080p/cat"):
        (tmp_path / name).mkdir(parents=True)
    bear, boat = find(tmp_path, davis=tmp_path)
    assert bear.video == tmp_path / "JPEGImages/480p/bear" and bear.mask == tmp_path / "Annotations/480p/bear"
    assert boat.problem.endswith("Annotations/480p/boat does not exist")


def test_a_folder_without_davis_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no JPEGImages"):
        find(tmp_path, davis=tmp_path)
