import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.dataset import checks, content
from inpainting.dataset.inspection import inspect
from inpainting.dataset.manifest import SCHEMA, read_provenance
from inpainting.dataset.reasons import Reason
from inpainting.dataset.record import Record
from inpainting.dataset.settings import AuditCommand
from inpainting.video.sequence import FOLDERS, frame_name, write_images, write_sequence
from numpy.typing import NDArray
from PIL import Image

MakeSequence = Callable[..., Path]
FRAMES, WIDTH, HEIGHT = 3, 24, 16
OUTPUTS = ("manifest.parquet", "rejected.tsv", "summary.json")


def audit(root: Path, out: Path, *options: str) -> int:
    return main(["audit", str(root), str(out), "--frames", str(FRAMES), *options])


def manifest_of(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "manifest.parquet").set_index("id", drop=False)


def rejected_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "rejected.tsv", sep="\t", dtype=str, keep_default_na=False)


def reasons_of(sequence: Path, frames: int = FRAMES) -> set[str]:
    settings = AuditCommand(root=sequence.parent, out=Path("unused"), frames=frames)
    record, findings = inspect(sequence.name, settings)
    assert record.reasons == ";".join(r.code for r in Reason if r.code in record.reasons.split(";"))
    assert {finding.reason.code for finding in findings} == set(filter(None, record.reasons.split(";")))
    return set(filter(None, record.reasons.split(";")))


def rewrite(path: Path, change: Callable[[NDArray[np.uint8]], NDArray[np.generic]]) -> None:
    with Image.open(path) as image:
        pixels = np.asarray(image)
    Image.fromarray(change(pixels)).save(path)


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 0xFF
    path.write_bytes(data)


def declare_huge(path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = path.read_bytes()
    path.write_bytes(data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:])


def damage_pixels_behind_a_right_checksum(path: Path) -> None:
    data = path.read_bytes()
    start = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, start - 4)
    chunk = b"IDAT" + bytes(length)
    path.write_bytes(data[:start] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[start + 8 + length :])


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.png")


def replace_by_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def save_as_jpeg(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path, format="JPEG")


BROKEN_FRAMES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "unreadable_frame"),
    "text": (lambda path: path.write_text("not a picture"), "unreadable_frame"),
    "truncated to the half": (lambda path: os.truncate(path, path.stat().st_size // 2), "unreadable_frame"),
    "truncated by one byte": (lambda path: os.truncate(path, path.stat().st_size - 1), "unreadable_frame"),
    "of one flipped byte": (flip_byte, "unreadable_frame"),
    "of pixels that can't be decompressed": (damage_pixels_behind_a_right_checksum, "unreadable_frame"),
    "a JPEG": (save_as_jpeg, "unreadable_frame"),
    "a decompression bomb": (declare_huge, "unreadable_frame"),
    "a folder": (replace_by_folder, "unreadable_frame"),
    "a pipe": (replace_by_pipe, "unreadable_frame"),
    "a link to nothing": (replace_by_dangling_link, "unreadable_frame"),
    "a link to itself": (replace_by_itself, "unreadable_frame"),
    "absent in the middle": (Path.unlink, "missing_frame"),
    "narrower": (lambda path: rewrite(path, lambda pixels: pixels[:, :-4]), "size_changes"),
    "of 16 bits": (
        lambda path: Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16)).save(path),
        "wrong_depth",
    ),
}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("kind", BROKEN_FRAMES)
def test_a_frame_that_is_broken_rejects_its_sequence(make_sequence: MakeSequence, folder: str, kind: str) -> None:
    sequence = make_sequence("a")
    damage, code = BROKEN_FRAMES[kind]
    damage(sequence / folder / frame_name(2))
    assert reasons_of(sequence) == {code}


def test_a_sound_sequence_is_accepted(make_sequence: MakeSequence) -> None:
    assert reasons_of(make_sequence("a")) == set()


def test_more_frames_than_asked_for_and_other_files_are_fine_even_when_broken(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a", frames=FRAMES + 2)
    (sequence / "RGB_480" / frame_name(FRAMES + 1)).write_bytes(b"")
    (sequence / "RGB_480" / "Thumbs.db").write_bytes(b"?")
    (sequence / "notes").mkdir()
    assert reasons_of(sequence) == set()


def test_a_folder_that_is_absent_or_a_file_is_a_missing_folder(make_sequence: MakeSequence) -> None:
    for name in ("absent", "file"):
        sequence = make_sequence(name)
        shutil.rmtree(sequence / "MASK_480")
        if name == "file":
            (sequence / "MASK_480").write_text("no folder")
        assert reasons_of(sequence) == {"missing_folder"}


def test_an_empty_sequence_lacks_all_three_folders(root: Path) -> None:
    (root / "a").mkdir()
    _, findings = inspect("a", AuditCommand(root=root, out=Path("unused")))
    assert [finding.detail for finding in findings] == [f"{folder} is absent" for folder in FOLDERS]


def test_a_sequence_that_ends_early_has_too_few_frames(make_sequence: MakeSequence) -> None:
    assert reasons_of(make_sequence("a"), frames=FRAMES + 1) == {"too_few_frames"}


def test_a_sequence_numbered_from_zero_is_told_so() -> None:
    [finding] = checks.check_numbers("GT_480", set(range(0, 10)), frames=10)
    assert finding.frame == 10
    assert finding.detail.endswith("and begins at 0 where it should at 1")


def test_a_folder_of_another_size_differs(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a")
    for path in (sequence / "MASK_480").iterdir():
        rewrite(path, lambda pixels: np.repeat(pixels, 2, axis=1))
    assert reasons_of(sequence) == {"sizes_differ"}


def test_frames_below_sixteen_pixels_are_too_small(make_sequence: MakeSequence) -> None:
    assert reasons_of(make_sequence("a", height=15)) == {"too_small"}


@pytest.mark.parametrize(("value", "code"), [(0, "empty_mask"), (127, "empty_mask"), (128, "full_mask")])
def test_a_mask_must_leave_something_to_inpaint_and_something_known(
    make_sequence: MakeSequence, value: int, code: str
) -> None:
    sequence = make_sequence("a")
    for path in (sequence / "MASK_480").iterdir():
        rewrite(path, lambda pixels: np.full_like(pixels, value))
    assert reasons_of(sequence) == {code}


def test_one_hole_pixel_in_one_frame_is_enough(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a")
    mask = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    mask[1, 0, 0] = 255
    write_images(sequence / "MASK_480", mask)
    assert reasons_of(sequence) == set()


def test_all_reasons_of_a_sequence_are_named_each_with_its_frame(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a", frames=6)
    shutil.rmtree(sequence / "RGB_480")
    (sequence / "GT_480" / frame_name(2)).unlink()
    os.truncate(sequence / "GT_480" / frame_name(4), 60)
    rewrite(sequence / "GT_480" / frame_name(5), lambda pixels: pixels[:-1])
    write_images(sequence / "MASK_480", np.zeros((6, HEIGHT, WIDTH), np.uint8))
    record, findings = inspect("a", AuditCommand(root=sequence.parent, out=Path("unused"), frames=7))
    assert record.reasons == ("missing_folder;too_few_frames;missing_frame;unreadable_frame;size_changes;empty_mask")
    frames = {finding.reason.code: finding.frame for finding in findings}
    assert (frames["missing_frame"], frames["unreadable_frame"], frames["size_changes"]) == (2, 4, 5)
    assert frames["missing_folder"] is None


def test_a_link_to_a_sequence_is_a_sequence_and_a_link_to_nothing_a_lost_one(
    root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    elsewhere = shutil.move(make_sequence("a"), tmp_path / "elsewhere")
    (root / "linked").symlink_to(elsewhere)
    (root / "lost").symlink_to(tmp_path / "nowhere")
    assert audit(root, tmp_path / "out") == 0
    assert manifest_of(tmp_path / "out")["reasons"].to_dict() == {"linked": "", "lost": "unreadable_sequence"}


@pytest.fixture
def nobody() -> Iterator[None]:
    """Run as a user without rights, even where the tests run as root, who may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_what_may_not_be_read_rejects_its_sequence(make_sequence: MakeSequence, request: pytest.FixtureRequest) -> None:
    frame, folder, sequence = make_sequence("a"), make_sequence("b"), make_sequence("c")
    for parent in sequence.parents:
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    (frame / "GT_480" / frame_name(1)).chmod(0)
    (folder / "GT_480").chmod(0)
    sequence.chmod(0)
    request.getfixturevalue("nobody")
    try:
        assert reasons_of(frame) == {"unreadable_frame"}
        assert reasons_of(folder) == {"unreadable_folder"}
        assert reasons_of(sequence) == {"unreadable_sequence"}
    finally:
        if os.geteuid() == 65534:
            os.seteuid(0)
        for path in (folder / "GT_480", sequence):
            path.chmod(0o700)


@pytest.mark.parametrize("name", ["tab\there", "line\nbreak", os.fsdecode(b"bytes\xff")])
def test_a_name_that_no_table_can_hold_is_rejected_and_shown_escaped(
    root: Path, make_sequence: MakeSequence, tmp_path: Path, name: str
) -> None:
    make_sequence("a").rename(root / name)
    make_sequence("sound")
    assert audit(root, tmp_path / "out") == 0
    [row] = rejected_of(tmp_path / "out").to_dict("records")
    assert row["reason"] == "unusable_name"
    assert row["id"].isprintable()


def test_every_reason_has_a_code_and_a_meaning_of_its_own() -> None:
    assert len({reason.code for reason in Reason}) == len(Reason)
    assert len({reason.meaning for reason in Reason}) == len(Reason)


def test_outputs_hold_one_row_per_sequence_and_one_per_reason(
    root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    for name in ("c", "a", "b"):
        make_sequence(name)
    (root / "b" / "GT_480" / frame_name(1)).unlink()
    (root / "readme.txt").write_text("a stray file")
    out = tmp_path / "out"
    assert audit(root, out, "--workers", "1") == 0
    manifest = manifest_of(out)
    assert list(manifest.columns) == SCHEMA.names == list(Record.__dataclass_fields__)
    assert manifest["verdict"].to_dict() == {"a": "accepted", "b": "rejected", "c": "accepted"}
    assert list(manifest["id"]) == ["a", "b", "c"]
    assert [manifest.loc["a", name] for name in ("frames", "width", "height", "group")] == [FRAMES, WIDTH, HEIGHT, "a"]
    assert manifest.loc["b", "frames"] == 0
    rejected = rejected_of(out)
    assert list(rejected.columns) == ["id", "reason", "frame", "detail"]
    assert rejected.to_dict("records") == [
        {"id": "b", "reason": "missing_frame", "frame": "1", "detail": "GT_480: no frame 1"}
    ]
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["sequences"], summary["accepted"], summary["rejected"], summary["stray"]) == (3, 2, 1, 1)
    assert summary["reasons"]["missing_frame"]["sequences"] == 1
    assert summary["sizes"] == {f"{WIDTH}x{HEIGHT}": 2}
    assert read_provenance(out / "manifest.parquet") == summary["provenance"]
    assert summary["provenance"]["settings"]["frames"] == FRAMES


def test_rejected_tsv_has_its_header_when_nothing_was_rejected(
    root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    make_sequence("a")
    assert audit(root, tmp_path / "out") == 0
    assert (tmp_path / "out" / "rejected.tsv").read_text() == "id\treason\tframe\tdetail\n"


def test_the_same_data_gives_the_same_bytes_wherever_it_lies_and_however_many_work(
    root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    for name in "abcdef":
        make_sequence(name)
    os.truncate(root / "c" / "GT_480" / frame_name(1), 60)
    copy = shutil.copytree(root, tmp_path / "copy")
    assert audit(root, tmp_path / "one", "--workers", "1") == 0
    assert audit(copy, tmp_path / "three", "--workers", "3") == 0
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


def test_measures_are_those_of_the_pixels(root: Path) -> None:
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
    record, _ = inspect("a", AuditCommand(root=root, out=Path("unused"), frames=4, mask_dilation=0))
    assert record.coverage == pytest.approx([50 / 600, 50 / 600, 0, 50 / 600])
    assert record.coverage_mean == pytest.approx(150 / 2400)
    assert record.difference_inside == pytest.approx(40)
    assert record.difference_outside == pytest.approx(4 * (50 * 20 + 20 * 9) / (2400 - 150))
    assert record.effect_share == pytest.approx(4 * 50 / (2400 - 150))


def test_soft_edges_that_the_dilation_covers_are_no_effect(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a")
    for path in (sequence / "MASK_480").iterdir():
        rewrite(path, lambda pixels: np.pad(pixels[5:7, 5:11], ((5, 9), (5, 13))))

    def effect_share(mask_dilation: int) -> float | None:
        settings = AuditCommand(
            root=sequence.parent, out=Path("unused"), frames=FRAMES, mask_dilation=mask_dilation, effect_threshold=5
        )
        return inspect("a", settings)[0].effect_share

    assert effect_share(0) == pytest.approx((4 * 8 - 2 * 6) / (HEIGHT * WIDTH - 2 * 6))
    assert effect_share(2) == 0


def test_a_mask_that_is_inverted_or_thresholded_otherwise_gives_another_coverage(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a")
    rewrite(sequence / "MASK_480" / frame_name(1), lambda pixels: np.full_like(pixels, 100))

    def coverage(**options: bool | int) -> float:
        settings = AuditCommand(root=sequence.parent, out=Path("unused"), frames=FRAMES, **options)
        return inspect("a", settings)[0].coverage[0]

    assert coverage() == 0
    assert coverage(mask_invert=True) == 1
    assert coverage(mask_threshold=100) == 1


def test_the_digest_changes_with_a_byte_of_a_used_frame_and_with_no_other(make_sequence: MakeSequence) -> None:
    sequence = make_sequence("a", frames=FRAMES + 1)
    settings = AuditCommand(root=sequence.parent, out=Path("unused"), frames=FRAMES)
    before = inspect("a", settings)[0].digest
    (sequence / "GT_480" / frame_name(FRAMES + 1)).unlink()
    assert inspect("a", settings)[0].digest == before
    rewrite(sequence / "GT_480" / frame_name(FRAMES), lambda pixels: pixels ^ 1)
    assert inspect("a", settings)[0].digest != before


def test_camera_motion_is_the_pan_in_pixels_and_nothing_for_a_still_camera() -> None:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (30, 50), dtype=np.uint8))
    scene = np.asarray(coarse.resize((500, 300), Image.Resampling.BICUBIC))
    views = [np.ascontiguousarray(scene[20:140, x : x + 160]) for x in (40, 43, 43)]
    assert content.motion(views[0], views[1]) == pytest.approx(3, abs=0.1)
    assert content.motion(views[1], views[2]) == pytest.approx(0, abs=0.01)


def test_groups_tsv_says_which_sequences_belong_together(
    root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    for name in ("001", "002", "003"):
        make_sequence(name)
    (root / "groups.tsv").write_text("id\tgroup\n001\t07\n003\t07\n")
    assert audit(root, tmp_path / "out") == 0
    assert manifest_of(tmp_path / "out")["group"].to_dict() == {"001": "07", "002": "002", "003": "07"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["stray"] == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a\tb\n", "id and group are needed"),
        ("id\tgroup\na\t\n", "an empty id or group"),
        ("id\tgroup\na\t1\na\t2\n", "puts a into two groups"),
        ("", "can't be read as a table"),
    ],
)
def test_a_groups_tsv_that_makes_no_sense_fails_with_a_sentence(
    root: Path,
    make_sequence: MakeSequence,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    complaint: str,
) -> None:
    make_sequence("a")
    (root / "groups.tsv").write_text(text)
    assert audit(root, tmp_path / "out") == 1
    assert complaint in capsys.readouterr().err


def test_rejected_sequences_are_no_failure_of_the_audit(
    root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    shutil.rmtree(make_sequence("a") / "GT_480")
    assert audit(root, tmp_path / "out") == 0
    assert len(rejected_of(tmp_path / "out")) == 1


def test_a_root_without_sequences_fails(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "stray.png").write_bytes(b"")
    (root / ".hidden").mkdir()
    assert audit(root, tmp_path / "out") == 1
    assert "holds no folders" in capsys.readouterr().err


def test_a_sequence_given_as_root_is_told_so(
    make_sequence: MakeSequence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(make_sequence("a"), tmp_path / "out") == 1
    assert "is itself a sequence" in capsys.readouterr().err


def test_paths_that_can_not_be_used_are_wrong_usage(
    root: Path, make_sequence: MakeSequence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_sequence("a")
    file = tmp_path / "file"
    file.write_text("")
    for place, out, named in [
        (tmp_path / "nowhere", tmp_path / "out", "ROOT"),
        (file, tmp_path / "out", "ROOT"),
        (root, file, "OUT"),
        (root, root / "audit", "OUT"),
    ]:
        assert audit(place, out) == 2
        assert capsys.readouterr().err.startswith(f"inpaint audit: {named}: {place if named == 'ROOT' else out}")


def test_the_audit_imports_neither_torch_nor_diffusers() -> None:
    probe = "import sys, inpainting.dataset.audit as _; print({'torch', 'diffusers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout == "set()\n"
