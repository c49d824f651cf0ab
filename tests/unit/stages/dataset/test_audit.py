"""`inpaint audit`: what it writes, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from inpainting.artifacts.manifest import MANIFEST
from inpainting.artifacts.record import Record
from inpainting.video.sequence import frame_name

Audit = Callable[..., int]
MakeSequence = Callable[..., Path]
ManifestOf = Callable[[Path], pd.DataFrame]
FRAMES, WIDTH, HEIGHT = 3, 24, 16
OUTPUTS = ("manifest.parquet", "rejected.tsv", "warnings.tsv", "summary.json")


def rejected_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "rejected.tsv", sep="\t", dtype=str, keep_default_na=False)


def test_a_link_to_a_sequence_is_accepted_and_a_broken_link_rejected(
    audit: Audit, manifest_of: ManifestOf, root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    elsewhere = shutil.move(make_sequence("a"), tmp_path / "elsewhere")
    (root / "linked").symlink_to(elsewhere)
    (root / "lost").symlink_to(tmp_path / "nowhere")
    assert audit(root, tmp_path / "out") == 0
    assert manifest_of(tmp_path / "out")["reasons"].to_dict() == {"linked": "", "lost": "unreadable_sequence"}


@pytest.mark.parametrize("name", ["tab\there", "line\nbreak", os.fsdecode(b"bytes\xff")])
def test_an_unprintable_name_is_rejected_and_escaped(
    audit: Audit, root: Path, make_sequence: MakeSequence, tmp_path: Path, name: str
) -> None:
    make_sequence("a").rename(root / name)
    make_sequence("sound")
    assert audit(root, tmp_path / "out") == 0
    [row] = rejected_of(tmp_path / "out").to_dict("records")
    assert row["reason"] == "unusable_name"
    assert row["id"].isprintable()


def test_the_manifest_has_a_row_per_sequence_and_rejected_tsv_a_row_per_reason(
    audit: Audit, manifest_of: ManifestOf, root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    for name in ("c", "a", "b"):
        make_sequence(name)
    (root / "b" / "GT_480" / frame_name(1)).unlink()
    (root / "readme.txt").write_text("a stray file")
    out = tmp_path / "out"
    assert audit(root, out, "--workers", "1") == 0
    manifest = manifest_of(out)
    assert list(manifest.columns) == MANIFEST.schema.names == list(Record.__dataclass_fields__)
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
    assert MANIFEST.provenance(out / "manifest.parquet").model_dump() == summary["provenance"]
    assert summary["provenance"]["settings"]["frames"] == FRAMES


def test_rejected_tsv_has_its_header_when_nothing_was_rejected(
    audit: Audit, root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    make_sequence("a")
    assert audit(root, tmp_path / "out") == 0
    assert (tmp_path / "out" / "rejected.tsv").read_text() == "id\treason\tframe\tdetail\n"


def test_neither_the_datasets_folder_nor_the_number_of_workers_changes_a_byte(
    audit: Audit, root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    for name in "abcdef":
        make_sequence(name)
    os.truncate(root / "c" / "GT_480" / frame_name(1), 60)
    copy = shutil.copytree(root, tmp_path / "copy")
    assert audit(root, tmp_path / "one", "--workers", "1") == 0
    assert audit(copy, tmp_path / "three", "--workers", "3") == 0
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


def test_sequences_of_one_group_in_groups_tsv_are_in_one_group(
    audit: Audit, manifest_of: ManifestOf, root: Path, make_sequence: MakeSequence, tmp_path: Path
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
        ("a\tb\n", "has the columns a, b, separated by tabs; its first line should name id, group"),
        ("id\tgroup\na\t\n", "an empty id or group"),
        ("id\tgroup\na\t1\na\t2\n", "puts a into two groups"),
        ("", "its first line should name id, group"),
    ],
)
def test_an_invalid_groups_tsv_is_refused(
    audit: Audit,
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


def test_rejected_sequences_do_not_make_the_audit_fail(
    audit: Audit, root: Path, make_sequence: MakeSequence, tmp_path: Path
) -> None:
    shutil.rmtree(make_sequence("a") / "GT_480")
    assert audit(root, tmp_path / "out") == 0
    assert len(rejected_of(tmp_path / "out")) == 1


def test_a_root_without_sequences_fails(
    audit: Audit, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "stray.png").write_bytes(b"")
    (root / ".hidden").mkdir()
    assert audit(root, tmp_path / "out") == 1
    assert "holds no folders" in capsys.readouterr().err


def test_a_sequence_given_as_root_is_refused(
    audit: Audit, make_sequence: MakeSequence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(make_sequence("a"), tmp_path / "out") == 1
    assert "is itself a sequence" in capsys.readouterr().err


def test_unusable_paths_are_wrong_usage(
    audit: Audit, root: Path, make_sequence: MakeSequence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    probe = "import sys, inpainting.stages.dataset.audit as _; print({'torch', 'diffusers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout == "set()\n"
