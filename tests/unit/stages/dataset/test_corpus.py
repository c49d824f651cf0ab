"""Sequences with what happens to datasets in life, each with the audit's verdict."""

import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import Record
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH, frame_name, read_images, read_mask, write_images
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

FRAMES, WIDTH, HEIGHT = 12, 64, 48
FIRST, LAST = frame_name(1), frame_name(FRAMES)
Change = Callable[[Path], object]
Inspect = Callable[..., tuple[Record, list[Finding]]]


def each_mask(change: Callable[[NDArray[np.uint8]], Image.Image]) -> Change:
    """Stores every mask otherwise."""

    def write(sequence: Path) -> None:
        for number, mask in enumerate(read_mask(sequence, 0, FRAMES), start=1):
            change(mask).save(sequence / MASK / frame_name(number))

    return write


def rewrite(folder: str, change: Callable[[NDArray[np.uint8]], NDArray[np.generic]]) -> Change:
    """Changes all frames of a folder, [frames, height, width(, 3)]."""

    def write(sequence: Path) -> None:
        frames = read_images(sequence / folder, 0, FRAMES, "L" if folder == MASK else "RGB")
        write_images(sequence / folder, change(frames).astype(np.uint8))

    return write


def frame(change: Callable[[Path], object], folder: str = TRUTH, name: str = FIRST) -> Change:
    """Changes one frame's file."""
    return lambda sequence: change(sequence / folder / name)


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, colour: int = 2, depth: int = 8) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def replace_header(path: Path, new: bytes) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:8] + new + data[33:])


def replace_pixels(path: Path, content: bytes | None) -> None:
    """Another IDAT chunk with a right checksum, or none at all."""
    data = path.read_bytes()
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, start)
    pixels = b"" if content is None else chunk(b"IDAT", content)
    path.write_bytes(data[:start] + pixels + data[start + 12 + length :])


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 0xFF
    path.write_bytes(data)


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def add_text_bomb(path: Path) -> None:
    data = path.read_bytes()
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10**8), 9))
    path.write_bytes(data[:33] + bomb + data[33:])


def save_again(path: Path, format: str = "PNG", pnginfo: PngImagePlugin.PngInfo | None = None) -> None:
    with Image.open(path) as image:
        image.load()
        image.save(path, format=format, quality=95, pnginfo=pnginfo)


def save_half_a_jpeg(path: Path) -> None:
    save_again(path, format="JPEG")
    os.truncate(path, path.stat().st_size // 2)


def animate(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path, format="PNG", save_all=True, append_images=[image.rotate(180)])


def to_palette(mask: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray((mask > 0).astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    return image


def with_alpha(mask: NDArray[np.uint8]) -> Image.Image:
    return Image.merge("LA", [Image.fromarray(mask), Image.new("L", (WIDTH, HEIGHT), 90)])


def colours_of_16_bits(sequence: Path) -> None:
    for path in (sequence / TRUTH).iterdir():
        image = cv2.imread(str(path))
        assert image is not None
        assert cv2.imwrite(str(path), image.astype(np.uint16) * 257)


def renumber(sequence: Path) -> None:
    for folder in FOLDERS:
        for number in range(1, FRAMES + 1):
            (sequence / folder / frame_name(number)).rename(sequence / folder / frame_name(number - 1))


def name_otherwise(sequence: Path) -> None:
    for path in sorted((sequence / TRUTH).iterdir()):
        path.rename(path.with_name(path.name.removeprefix("frame_")))


def link_folder(sequence: Path) -> None:
    elsewhere = shutil.move(sequence / TRUTH, sequence.parents[1] / "elsewhere")
    (sequence / TRUTH).symlink_to(elsewhere)


def link_frame(path: Path) -> None:
    shutil.copy(path, path.with_name("original.png"))
    replace(path, lambda link: link.symlink_to("original.png"))


def litter(sequence: Path) -> None:
    (sequence / "notes").mkdir()
    (sequence / RGB / "Thumbs.db").write_bytes(b"?")
    (sequence / RGB / ".frame_00001.png.swp").write_bytes(b"?")
    (sequence / RGB / frame_name(FRAMES + 1)).write_bytes(b"")


def soften(mask: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(cv2.GaussianBlur(mask, (0, 0), 2))


def other_scene(sequence: Path) -> None:
    rng = np.random.default_rng(99)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, 2 * WIDTH, 3), dtype=np.uint8), (0, 0), 2)
    wide = cv2.normalize(wide, None, 20, 220, cv2.NORM_MINMAX)
    write_images(sequence / TRUTH, np.stack([wide[:, n : n + WIDTH] for n in range(FRAMES)]))


def invert(sequence: Path) -> None:
    rewrite(MASK, lambda masks: 255 - masks)(sequence)


def remove_nothing(sequence: Path) -> None:
    for path in (sequence / TRUTH).iterdir():
        shutil.copy(path, sequence / RGB)


def hold_still(sequence: Path) -> None:
    for folder in FOLDERS:
        for number in range(2, FRAMES + 1):
            shutil.copy(sequence / folder / FIRST, sequence / folder / frame_name(number))


def replace_folder(folder: str, make: Callable[[Path], object] = lambda path: None) -> Change:
    """Removes one folder of a sequence, or all of it, and puts something else in its place."""

    def write(sequence: Path) -> None:
        shutil.rmtree(sequence / folder)
        make(sequence / folder)

    return write


ACCEPTED: dict[str, Change] = {
    "sound": lambda sequence: None,
    "more frames than asked for, stray files and folders": litter,
    "masks as RGB": each_mask(lambda mask: Image.fromarray(mask).convert("RGB")),
    "masks with a palette": each_mask(to_palette),
    "masks of 1 bit": each_mask(lambda mask: Image.fromarray(mask).convert("1")),
    "masks with soft edges": each_mask(soften),
    "masks with transparency": each_mask(with_alpha),
    "masks of 16 bits": each_mask(lambda mask: Image.fromarray(mask.astype(np.uint16) * 257)),
    "colours of 16 bits": colours_of_16_bits,
    "input with transparency": frame(lambda path: Image.open(path).convert("RGBA").save(path), RGB),
    "truth in grey": frame(lambda path: Image.open(path).convert("RGB").convert("P").save(path)),
    "masks empty in some frames": rewrite(MASK, lambda masks: masks * (np.arange(FRAMES) > 8)[:, None, None]),
    "one hole pixel in one frame": rewrite(
        MASK, lambda masks: np.where(np.arange(masks.size).reshape(masks.shape) == 19732, 255, 0)
    ),
    "a folder that is a link": link_folder,
    "a frame that is a link": frame(link_frame),
    "an animated PNG": frame(animate),
    "bytes after the end": frame(lambda path: fill(path, path.read_bytes() + b"more")),
    "text in a PNG": frame(lambda path: save_again(path, pnginfo=text_chunk())),
    "JPEG by the name of PNG": frame(lambda path: save_again(path, format="JPEG")),
    "TIFF by the name of PNG": frame(lambda path: save_again(path, format="TIFF")),
    "a truth with noise": rewrite(
        TRUTH, lambda frames: np.clip(frames + np.random.default_rng(0).normal(0, 2, frames.shape), 0, 255)
    ),
    "a truth a little brighter": rewrite(TRUTH, lambda frames: np.clip(frames.astype(int) + 4, 0, 255)),
}  # fmt: skip


def text_chunk() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "someone")
    return info


WARNED: dict[str, tuple[Change, str]] = {
    "masks inverted": (invert, "inverted_mask"),
    "nothing removed": (remove_nothing, "nothing_removed"),
    "a still": (hold_still, "static_sequence"),
}

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
    "a truth in other colours": (rewrite(TRUTH, lambda frames: frames[..., ::-1]), "other_colours"),
    "a truth much darker": (rewrite(TRUTH, lambda frames: frames // 2), "other_colours"),
}  # fmt: skip


def reasons_of(code: str) -> set[str]:
    return set(filter(None, code.split(";")))


@pytest.mark.parametrize("kind", ACCEPTED)
def test_what_is_only_odd_is_accepted(make_scene: Callable[..., Path], inspect_one: Inspect, kind: str) -> None:
    sequence = make_scene("a")
    ACCEPTED[kind](sequence)
    record, _ = inspect_one(sequence, FRAMES)
    assert (record.reasons, record.warnings) == ("", "")
    assert (record.frames, record.width, record.height) == (FRAMES, WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", WARNED)
def test_what_may_be_meant_is_accepted_with_a_warning(
    make_scene: Callable[..., Path], inspect_one: Inspect, kind: str
) -> None:
    sequence = make_scene("a")
    change, code = WARNED[kind]
    change(sequence)
    record, _ = inspect_one(sequence, FRAMES)
    assert (record.verdict, record.reasons) == ("accepted", "")
    assert code in reasons_of(record.warnings)


@pytest.mark.parametrize("kind", REJECTED)
def test_what_can_not_be_trained_on_is_rejected_with_its_reason(
    make_scene: Callable[..., Path], inspect_one: Inspect, kind: str
) -> None:
    sequence = make_scene("a")
    change, code = REJECTED[kind]
    change(sequence)
    record, findings = inspect_one(sequence, FRAMES)
    assert record.reasons == code
    assert record.verdict == "rejected"
    assert all(str(sequence) not in finding.detail and finding.detail.isprintable() for finding in findings)


@pytest.mark.parametrize("name", ["with spaces", "größe_日本語", "e\u0301"])
def test_names_in_any_script_are_accepted(make_scene: Callable[..., Path], inspect_one: Inspect, name: str) -> None:
    assert inspect_one(make_scene(name), FRAMES)[0].verdict == "accepted"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_damaged_frame_is_found_in_every_folder(
    make_scene: Callable[..., Path], inspect_one: Inspect, folder: str
) -> None:
    sequence = make_scene("a")
    flip_byte(sequence / folder / frame_name(8))
    [finding] = inspect_one(sequence, FRAMES)[1]
    assert (finding.reason, finding.frame) == (Reason.UNREADABLE_FRAME, 8)
    assert finding.detail == f"{folder}: frame 8 is damaged: its IDAT chunk does not fit its checksum"


def test_what_only_decoding_shows_is_found_in_every_frame_at_the_level_decode(
    make_scene: Callable[..., Path], inspect_one: Inspect
) -> None:
    sequence = make_scene("a")
    for number in range(1, FRAMES + 1):
        replace_pixels(sequence / RGB / frame_name(number), bytes(99))
    [finding] = inspect_one(sequence, FRAMES, level="decode")[1]
    assert finding.detail.startswith(f"{RGB}: frame 1-{FRAMES} is damaged")
    [finding] = inspect_one(sequence, FRAMES, level="crc", content_frames=0)[1]
    assert finding.detail.startswith(f"{RGB}: frame 1, 6, {FRAMES} is damaged")


def test_the_level_header_reads_both_ends_of_a_file_and_no_more(
    make_scene: Callable[..., Path], inspect_one: Inspect
) -> None:
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


def test_what_may_not_be_read_rejects_its_sequence(
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
