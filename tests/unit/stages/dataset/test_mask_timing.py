"""Masks judged in time, by the content and by the lengths of their files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from inpainting.artifacts.reasons import Finding
from inpainting.artifacts.record import Record
from inpainting.stages.dataset.mask_timing import check_areas, masks_to_read
from inpainting.video.sequence import MASK, frame_name
from PIL import Image
from sequence_changes import rewrite, save_changed

Inspect = Callable[..., tuple[Record, list[Finding]]]
MakeScene = Callable[..., Path]


@pytest.mark.parametrize(("lag", "words"), [(3, "n-3 fits frame n, so the masks come 3 frames too early"),
                                            (-4, "n+4 fits frame n, so the masks come 4 frames too late")])  # fmt: skip
def test_the_finding_says_by_how_many_frames_the_masks_are_shifted(
    make_scene: MakeScene, inspect_one: Inspect, lag: int, words: str
) -> None:
    sequence = make_scene("a")
    rewrite(MASK, lambda masks: masks[(np.arange(12) + lag).clip(0, 11)])(sequence)
    [finding] = inspect_one(sequence, 12)[1]
    assert words in finding.detail


def test_masks_beside_the_object_in_a_direction_in_which_it_does_not_move_are_not_shifted_in_time(
    make_scene: MakeScene, inspect_one: Inspect
) -> None:
    sequence = make_scene("a")
    rewrite(MASK, lambda masks: np.roll(masks, 8, axis=1))(sequence)
    assert "shifted_mask" not in inspect_one(sequence, 12)[0].reasons


def test_an_empty_mask_between_others_is_found_though_no_content_is_measured_on_its_frame(
    make_scene: MakeScene, inspect_one: Inspect
) -> None:
    sequence = make_scene("a", frames=12)
    save_changed(sequence / MASK / frame_name(9), np.zeros_like)
    record, [finding] = inspect_one(sequence, 12, content_frames=0)
    assert finding.frame == 9
    assert finding.detail == f"{MASK}: frame 9 is empty, frames 8 and 10 are not"
    assert len(record.coverage) == 3


def test_a_long_absence_of_the_object_is_no_gap() -> None:
    areas = {number: 0.0 if 10 <= number < 30 else 0.1 for number in range(1, 40)}
    assert check_areas(areas) == []


def test_an_area_that_grows_slowly_or_stays_tiny_does_not_jump() -> None:
    assert check_areas({number: 0.01 * 1.5**number for number in range(1, 10)}) == []
    assert check_areas({1: 0.0001, 2: 0.005}) == []
    [finding] = check_areas({1: 0.02, 2: 0.02, 3: 0.08, 4: 0.08})
    assert (finding.frame, finding.detail) == (3, f"{MASK}: covers 2.00% in frame 2 and 8.00% in the next")


def test_only_masks_whose_files_lengths_jump_are_read_and_of_many_the_largest_jumps() -> None:
    assert masks_to_read({number: 1000 + 20 * number for number in range(1, 100)}) == []
    assert masks_to_read({1: 900, 2: 910, 3: 300, 4: 310, 5: 900}) == [2, 3, 4, 5]
    lengths = {number: 1000 + 500 * (number % 2) for number in range(1, 100)} | {50: 100}
    read = masks_to_read(lengths)
    assert {49, 50, 51} <= set(read)
    assert len(read) <= 16


def test_masks_are_read_no_more_often_for_a_damaged_file(make_scene: MakeScene, inspect_one: Inspect) -> None:
    sequence = make_scene("a")
    Image.new("L", (64, 48)).save(sequence / MASK / frame_name(4))
    (sequence / MASK / frame_name(7)).write_bytes(b"damaged")
    record, findings = inspect_one(sequence, 12)
    assert record.reasons == "unreadable_frame"
    assert [finding.reason.code for finding in findings] == ["unreadable_frame", "flickering_mask"]
