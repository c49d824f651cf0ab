"""Inspection of one sequence: its content measures and findings."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import Record
from inpainting.stages.dataset import checks, content
from inpainting.stages.dataset.content_statistics import sample_frames
from inpainting.video.sequence import FOLDERS, frame_name, write_images, write_sequence
from numpy.typing import NDArray
from PIL import Image

MakeSequence = Callable[..., Path]
Inspect = Callable[..., tuple[Record, list[Finding]]]
FRAMES, WIDTH, HEIGHT = 3, 24, 16


def reasons_of(inspect_one: Inspect, sequence: Path, frames: int = FRAMES) -> set[str]:
    return set(filter(None, inspect_one(sequence, frames)[0].reasons.split(";")))


def rewrite(path: Path, change: Callable[[NDArray[np.uint8]], NDArray[np.generic]]) -> None:
    with Image.open(path) as image:
        pixels = np.asarray(image)
    Image.fromarray(change(pixels)).save(path)


def test_a_folder_that_is_absent_or_a_file_is_a_missing_folder(
    make_sequence: MakeSequence, inspect_one: Inspect
) -> None:
    for name in ("absent", "file"):
        sequence = make_sequence(name)
        shutil.rmtree(sequence / "MASK_480")
        if name == "file":
            (sequence / "MASK_480").write_text("no folder")
        assert reasons_of(inspect_one, sequence) == {"missing_folder"}


def test_an_empty_sequence_lacks_all_three_folders(root: Path, inspect_one: Inspect) -> None:
    (root / "a").mkdir()
    _, findings = inspect_one(root / "a")
    assert [finding.detail for finding in findings] == [f"{folder} is absent" for folder in FOLDERS]


def test_the_finding_names_a_numbering_from_zero() -> None:
    [finding] = checks.check_numbers("GT_480", set(range(0, 10)), frames=10)
    assert finding.frame == 10
    assert finding.detail.endswith("and begins at 0 where it should at 1")


def test_frames_below_sixteen_pixels_are_too_small(make_sequence: MakeSequence, inspect_one: Inspect) -> None:
    assert reasons_of(inspect_one, make_sequence("a", height=15)) == {"too_small"}


@pytest.mark.parametrize(("value", "code"), [(0, "empty_mask"), (127, "empty_mask"), (128, "full_mask")])
def test_masks_that_are_all_empty_or_all_full_are_rejected(
    make_sequence: MakeSequence, inspect_one: Inspect, value: int, code: str
) -> None:
    sequence = make_sequence("a")
    for path in (sequence / "MASK_480").iterdir():
        rewrite(path, lambda pixels: np.full_like(pixels, value))
    assert reasons_of(inspect_one, sequence) == {code}


def test_all_reasons_of_a_sequence_are_named_each_with_its_frame(
    make_sequence: MakeSequence, inspect_one: Inspect
) -> None:
    sequence = make_sequence("a", frames=6)
    shutil.rmtree(sequence / "RGB_480")
    (sequence / "GT_480" / frame_name(2)).unlink()
    os.truncate(sequence / "GT_480" / frame_name(4), 60)
    rewrite(sequence / "GT_480" / frame_name(5), lambda pixels: pixels[:-1])
    write_images(sequence / "MASK_480", np.zeros((6, HEIGHT, WIDTH), np.uint8))
    record, findings = inspect_one(sequence, 7)
    assert record.reasons == ("missing_folder;too_few_frames;missing_frame;unreadable_frame;size_changes;empty_mask")
    frames = {finding.reason.code: finding.frame for finding in findings}
    assert (frames["missing_frame"], frames["unreadable_frame"], frames["size_changes"]) == (2, 4, 5)
    assert frames["missing_folder"] is None


def test_every_reason_has_a_code_and_a_meaning_of_its_own() -> None:
    assert len({reason.code for reason in Reason}) == len(Reason)
    assert len({reason.meaning for reason in Reason}) == len(Reason)


def test_every_reason_is_documented() -> None:
    text = (Path(__file__).parents[4] / "docs" / "audit.md").read_text()
    rejects, warns = text.split("## Warnings")
    for reason in Reason:
        assert f"| `{reason.code}` | {reason.meaning} |" in (rejects if reason.rejects else warns)


def test_content_measures_are_those_of_the_pixels(root: Path, inspect_one: Inspect) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 200, (4, 20, 30, 3), dtype=np.uint8)
    mask = np.zeros((4, 20, 30), np.uint8)
    mask[:, 5:10, 5:15] = 255
    mask[2] = 0
    rgb = truth.copy()
    rgb[mask > 0] += 40
    rgb[:, 15:20, 20:30] += 20
    rgb[:, :, 0] += 9
    write_sequence(root / "a", rgb, mask, truth)
    record, _ = inspect_one(root / "a", 4, mask_dilation=0)
    assert record.coverage == pytest.approx([50 / 600, 50 / 600, 0, 50 / 600])
    assert record.coverage_mean == pytest.approx(150 / 2400)
    assert record.difference_inside == pytest.approx(40)
    assert record.difference_outside == pytest.approx(4 * (50 * 20 + 20 * 9) / (2400 - 150))
    assert record.effect_share == pytest.approx(4 * 50 / (2400 - 150))


def test_soft_edges_inside_the_dilated_mask_are_not_counted_as_an_effect(
    make_sequence: MakeSequence, inspect_one: Inspect
) -> None:
    sequence = make_sequence("a")
    for path in (sequence / "MASK_480").iterdir():
        rewrite(path, lambda pixels: np.pad(pixels[5:7, 5:11], ((5, 9), (5, 13))))

    def effect_share(mask_dilation: int) -> float | None:
        return inspect_one(sequence, mask_dilation=mask_dilation, effect_threshold=5)[0].effect_share

    assert effect_share(0) == pytest.approx((4 * 8 - 2 * 6) / (HEIGHT * WIDTH - 2 * 6))
    assert effect_share(2) == 0


def test_mask_invert_and_mask_threshold_change_the_coverage(make_sequence: MakeSequence, inspect_one: Inspect) -> None:
    sequence = make_sequence("a")
    rewrite(sequence / "MASK_480" / frame_name(1), lambda pixels: np.full_like(pixels, 100))

    def coverage(**options: bool | int) -> float:
        return inspect_one(sequence, **options)[0].coverage[0]

    assert coverage() == 0
    assert coverage(mask_invert=True) == 1
    assert coverage(mask_threshold=100) == 1


def test_the_digest_depends_on_the_used_frames_only(make_sequence: MakeSequence, inspect_one: Inspect) -> None:
    sequence = make_sequence("a", frames=FRAMES + 1)
    before = inspect_one(sequence)[0].digest
    (sequence / "GT_480" / frame_name(FRAMES + 1)).unlink()
    assert inspect_one(sequence)[0].digest == before
    rewrite(sequence / "GT_480" / frame_name(FRAMES), lambda pixels: pixels ^ 1)
    assert inspect_one(sequence)[0].digest != before


def test_camera_motion_is_the_pan_in_pixels_and_zero_for_a_still_camera() -> None:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (30, 50), dtype=np.uint8))
    scene = np.asarray(coarse.resize((500, 300), Image.Resampling.BICUBIC))
    images = [np.ascontiguousarray(scene[20:140, x : x + 160]) for x in (40, 43, 43)]
    assert content.motion(images[0], images[1]) == pytest.approx(3, abs=0.1)
    assert content.motion(images[1], images[2]) == pytest.approx(0, abs=0.01)


def test_sampled_frames_depend_on_seed_and_name_only() -> None:
    sampled = sample_frames(100, 8, 0, "a")
    assert sampled == sample_frames(100, 8, 0, "a")
    assert {1, 50, 100} <= set(sampled) <= set(range(1, 101))
    assert sampled != sample_frames(100, 8, 0, "b")
    assert sampled != sample_frames(100, 8, 1, "a")
    assert sample_frames(8, 8, 0, "a") == list(range(1, 9))
    assert sample_frames(100, 0, 0, "a") == [1, 50, 100]


@pytest.mark.parametrize(("frames", "count"), [(9, 8), (25, 8), (49, 7), (100, 8), (101, 50)])
def test_sampled_frames_include_a_pair_from_each_part_of_the_sequence(frames: int, count: int) -> None:
    for name in "abcdef":
        sampled = sample_frames(frames, count, 0, name)
        starts = [number for number in sampled if number + 1 in sampled]
        assert sampled == sorted(set(sampled))
        assert sampled[-1] == frames
        for pair in range(-(-count // 2)):
            pairs = -(-count // 2)
            part = range(1 + pair * (frames - 1) // pairs, 1 + (pair + 1) * (frames - 1) // pairs)
            assert set(part) & set(starts)


def test_a_single_nonempty_mask_is_found_in_any_frame(make_scene: Callable[..., Path], inspect_one: Inspect) -> None:
    for number in range(1, 13):
        sequence = make_scene(f"{number}")
        mask = np.zeros((12, 48, 64), np.uint8)
        mask[number - 1, 20:30, 20:30] = 255
        write_images(sequence / "MASK_480", mask)
        record, _ = inspect_one(sequence, 12, content_frames=0)
        assert record.reasons == ""
        assert max(record.coverage) > 0


def test_the_finding_names_an_example_if_no_file_is_named_like_a_frame() -> None:
    [finding] = checks.check_numbers("GT_480", set(), frames=10, stray="0001.png")
    assert finding.detail.startswith("GT_480: holds no frame but 0001.png (names are as frame_00001.png; ")


def test_mask_motion_is_the_shift_of_the_masks_centre_per_frame(
    make_scene: Callable[..., Path], inspect_one: Inspect
) -> None:
    record, _ = inspect_one(make_scene("a"), 12)
    assert record.mask_motion == pytest.approx(2)
    assert record.camera_motion == pytest.approx(3, abs=0.3)


def test_the_finding_says_how_folders_that_are_numbered_in_steps_are_imported() -> None:
    missing, _ = checks.check_numbers("GT_480", {1, 3, 5}, frames=8)
    assert missing.detail.startswith("GT_480: no frame 2, 4; frames are numbered in steps of 2, and `inpaint import")
    [without_one, _] = checks.check_numbers("GT_480", {1, 2, 4}, frames=8)
    assert without_one.detail == "GT_480: no frame 3"
