"""Sequences that the audit rejects, each with its reason."""

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import Record
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH, frame_name
from PIL import Image
from sequence_changes import (
    FIRST,
    FRAMES,
    HEIGHT,
    LAST,
    WIDTH,
    Change,
    add_text_bomb,
    each_mask,
    fill,
    flip_byte,
    frame,
    header,
    name_otherwise,
    other_scene,
    renumber,
    replace,
    replace_folder,
    replace_header,
    replace_pixels,
    rewrite,
    save_half_a_jpeg,
)

Inspect = Callable[..., tuple[Record, list[Finding]]]

REJECTED: dict[str, tuple[Change, str]] = {
    **{f"no {folder}": (replace_folder(folder), "missing_folder") for folder in FOLDERS},
    "a file for a folder": (replace_folder(MASK, Path.touch), "missing_folder"),
    "a folder that is a link to nothing": (
        replace_folder(MASK, lambda path: path.symlink_to("gone")), "missing_folder"),
    "a folder that is a link to itself": (
        replace_folder(TRUTH, lambda path: path.symlink_to(path.name)), "unreadable_folder"),
    "nothing in it": (replace_folder(".", Path.mkdir), "missing_folder"),
    "a gap": (frame(Path.unlink, TRUTH, frame_name(5)), "missing_frame"),
    "the last frame missing": (frame(Path.unlink, TRUTH, LAST), "too_few_frames"),
    "numbered from zero": (renumber, "too_few_frames"),
    "named otherwise": (name_otherwise, "too_few_frames"),
    "a narrower frame": (
        frame(lambda path: Image.open(path).crop((0, 0, 60, HEIGHT)).save(path), RGB, frame_name(7)), "size_changes"),
    "masks of another size": (
        each_mask(lambda mask: Image.fromarray(mask).resize((WIDTH * 2, HEIGHT * 2))), "sizes_differ"),
    "an empty file": (frame(lambda path: fill(path, b"")), "unreadable_frame"),
    "text": (frame(lambda path: fill(path, b"not a picture")), "unreadable_frame"),
    "half a file": (frame(lambda path: os.truncate(path, path.stat().st_size // 2)), "unreadable_frame"),
    "one byte short": (frame(lambda path: os.truncate(path, path.stat().st_size - 1)), "unreadable_frame"),
    "the signature alone": (frame(lambda path: os.truncate(path, 8)), "unreadable_frame"),
    "a flipped byte": (frame(flip_byte), "unreadable_frame"),
    "no pixels": (frame(lambda path: replace_pixels(path, None)), "unreadable_frame"),
    "pixels that are none, behind a right checksum": (
        frame(lambda path: replace_pixels(path, bytes(99))), "unreadable_frame"),
    "fewer pixels than declared": (
        frame(lambda path: replace_pixels(path, zlib.compress(bytes(WIDTH * 3 + 1)))), "unreadable_frame"),
    "a bomb of 60000x60000 pixels": (
        frame(lambda path: replace_header(path, header(60000, 60000))), "unreadable_frame"),
    "a bomb in a text chunk": (frame(add_text_bomb), "unreadable_frame"),
    "a declared width of 0": (frame(lambda path: replace_header(path, header(0, HEIGHT))), "unreadable_frame"),
    "a depth that no PNG has": (
        frame(lambda path: replace_header(path, header(WIDTH, HEIGHT, depth=5))), "unreadable_frame"),
    "half a JPEG": (frame(save_half_a_jpeg), "unreadable_frame"),
    "floating-point pixels": (
        frame(lambda path: Image.new("F", (WIDTH, HEIGHT)).save(path, format="TIFF")), "wrong_depth"),
    "a folder named like a frame": (frame(lambda path: replace(path, Path.mkdir)), "unreadable_frame"),
    "a pipe": (frame(lambda path: replace(path, os.mkfifo)), "unreadable_frame"),
    "a link to nothing": (
        frame(lambda path: replace(path, lambda link: link.symlink_to("gone.png"))), "unreadable_frame"),
    "a link to itself": (
        frame(lambda path: replace(path, lambda link: link.symlink_to(link.name))), "unreadable_frame"),
    "empty masks": (rewrite(MASK, np.zeros_like), "empty_mask"),
    "masks of 0 and 1": (rewrite(MASK, lambda masks: masks // 255), "empty_mask"),
    "full masks": (rewrite(MASK, lambda masks: np.full_like(masks, 255)), "full_mask"),
    "another scene's truth": (other_scene, "other_scene"),
    "a truth one frame late": (rewrite(TRUTH, lambda frames: np.roll(frames, 1, axis=0)), "shifted_truth"),
    "a truth four frames early": (rewrite(TRUTH, lambda frames: np.roll(frames, -4, axis=0)), "shifted_truth"),
    "a truth two pixels to the left": (rewrite(TRUTH, lambda frames: np.roll(frames, -2, axis=2)), "shifted_truth"),
    "masks three frames early": (
        rewrite(MASK, lambda masks: masks[np.minimum(np.arange(FRAMES) + 3, FRAMES - 1)]), "shifted_mask"),
    "masks five frames late": (
        rewrite(MASK, lambda masks: masks[np.maximum(np.arange(FRAMES) - 5, 0)]), "shifted_mask"),
    "a truth in other colours": (rewrite(TRUTH, lambda frames: frames[..., ::-1]), "other_colours"),
    "a truth much darker": (rewrite(TRUTH, lambda frames: frames // 2), "other_colours"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REJECTED)
def test_an_unusable_sequence_is_rejected_with_its_reason(
    make_scene: Callable[..., Path], inspect_one: Inspect, kind: str
) -> None:
    sequence = make_scene("a")
    change, code = REJECTED[kind]
    change(sequence)
    record, findings = inspect_one(sequence, FRAMES)
    assert record.reasons == code
    assert record.verdict == "rejected"
    assert all(str(sequence) not in finding.detail and finding.detail.isprintable() for finding in findings)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_damaged_frame_is_found_in_every_folder(
    make_scene: Callable[..., Path], inspect_one: Inspect, folder: str
) -> None:
    sequence = make_scene("a")
    flip_byte(sequence / folder / frame_name(8))
    [finding] = inspect_one(sequence, FRAMES)[1]
    assert (finding.reason, finding.frame) == (Reason.UNREADABLE_FRAME, 8)
    assert finding.detail == f"{folder}: frame 8 is damaged: its IDAT chunk does not fit its checksum"


def test_the_level_decode_decodes_every_frame(make_scene: Callable[..., Path], inspect_one: Inspect) -> None:
    sequence = make_scene("a")
    for number in range(1, FRAMES + 1):
        replace_pixels(sequence / RGB / frame_name(number), bytes(99))
    [finding] = inspect_one(sequence, FRAMES, level="decode")[1]
    assert finding.detail.startswith(f"{RGB}: frame 1-{FRAMES} is damaged")
    [finding] = inspect_one(sequence, FRAMES, level="crc", content_frames=0)[1]
    assert finding.detail.startswith(f"{RGB}: frame 1, 6, {FRAMES} is damaged")


def test_the_level_header_reads_only_both_ends_of_a_file(make_scene: Callable[..., Path], inspect_one: Inspect) -> None:
    sequence = make_scene("a")
    flip_byte(sequence / RGB / FIRST)
    record, findings = inspect_one(sequence, FRAMES, level="header")
    assert not findings
    assert (record.frames, record.digest, record.coverage_mean) == (FRAMES, "", None)
    os.truncate(sequence / RGB / FIRST, 100)
    [finding] = inspect_one(sequence, FRAMES, level="header")[1]
    assert finding.detail == f"{RGB}: frame 1 is truncated in its IDAT chunk"


@pytest.fixture
def nobody() -> Iterator[None]:
    """Run as a user without rights, even where the tests run as root, who may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_a_file_or_folder_without_read_permission_rejects_its_sequence(
    make_sequence: Callable[..., Path], inspect_one: Inspect, request: pytest.FixtureRequest
) -> None:
    one, folder, sequence = make_sequence("a"), make_sequence("b"), make_sequence("c")
    for parent in sequence.parents:
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    (one / TRUTH / FIRST).chmod(0)
    (folder / TRUTH).chmod(0)
    sequence.chmod(0)
    request.getfixturevalue("nobody")
    try:
        assert inspect_one(one)[0].reasons == "unreadable_frame"
        assert inspect_one(folder)[0].reasons == "unreadable_folder"
        assert inspect_one(sequence)[0].reasons == "unreadable_sequence"
    finally:
        if os.geteuid() == 65534:
            os.seteuid(0)
        for path in (folder / TRUTH, sequence):
            path.chmod(0o700)
