"""Files and folders are written whole or not at all, and read back as they were written."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from inpainting.core import files


def make_file(path: Path) -> None:
    path.write_text("new")


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("new")


def content_of(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_a_file_or_folder_is_made_and_replaced_whole(make: Callable[[Path], None], tmp_path: Path) -> None:
    target = tmp_path / "new" / "target.png"
    for _ in range(2):
        with files.atomic_path(target) as temporary:
            assert temporary.suffix == ".png"
            make(temporary)
        assert list(target.parent.iterdir()) == [target]
        assert set(content_of(tmp_path).values()) == {"new"}


def test_a_replaced_folder_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").write_text("old")
    with files.atomic_path(target) as temporary:
        make_folder(temporary)
    assert content_of(target) == {"file": "new"}


@pytest.mark.parametrize("make", [make_file, make_folder])
@pytest.mark.parametrize("before", [None, make_file, make_folder])
def test_a_failure_leaves_everything_as_it_was(
    make: Callable[[Path], None], before: Callable[[Path], None] | None, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    if before:
        before(target)
    earlier = content_of(tmp_path)
    with pytest.raises(RuntimeError), files.atomic_path(target) as temporary:
        make(temporary)
        raise RuntimeError
    assert content_of(tmp_path) == earlier
    assert list(tmp_path.iterdir()) == ([target] if before else [])


TORCH = "torch.save({'a': torch.ones(1000)}, temporary)"
SAFETENSORS = "save_file({'a': torch.ones(1000)}, temporary)"


@pytest.mark.parametrize("writer", [TORCH, SAFETENSORS], ids=["torch", "safetensors"])
def test_a_writer_that_has_no_space_left_raises_an_oserror(writer: str, tmp_path: Path) -> None:
    script = f"""
import resource, sys, torch
from inpainting.core.files import atomic_path
from safetensors.torch import save_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with atomic_path(sys.argv[1]) as temporary:
        {writer}
except OSError as error:
    print(error.strerror)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "File too large\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_files_are_as_readable_as_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    files.write_text(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_a_table_comes_back_with_ids_as_text(suffix: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["007", "NA"], "group": ["01", "02"], "value": [0.1, 2.0]})
    files.write_table(tmp_path / f"table{suffix}", table)
    pd.testing.assert_frame_equal(files.read_table(tmp_path / f"table{suffix}"), table, check_dtype=False)


def test_a_table_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(".parquet or .tsv")):
        files.write_table(tmp_path / "table.csv", pd.DataFrame())
    assert not list(tmp_path.iterdir())


def test_json_with_nan_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "value.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_digests_see_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_folder(tmp_path / name)
    assert files.folder_digest(tmp_path / "one") == files.folder_digest(tmp_path / "two")
    (tmp_path / "two" / "file").rename(tmp_path / "two" / "other")
    assert files.folder_digest(tmp_path / "one") != files.folder_digest(tmp_path / "two")
    assert files.value_digest({"a": 1, "b": 2}) == files.value_digest({"b": 2, "a": 1})


def test_what_is_written_has_the_permissions_that_the_umask_says(tmp_path: Path) -> None:
    with files.atomic_path(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "private").touch(mode=0o600)
    (tmp_path / "ordinary").touch()
    assert (tmp_path / "folder" / "private").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_what_is_made_and_its_folder_are_on_the_disk_when_it_has_its_name(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = list[int]()
    monkeypatch.setattr(os, "fsync", lambda descriptor: on_disk.append(os.fstat(descriptor).st_ino))
    target = tmp_path / "target"
    with files.atomic_path(target) as temporary:
        make(temporary)
    assert {path.stat().st_ino for path in (tmp_path, *tmp_path.rglob("*"))} <= set(on_disk)
    assert on_disk[-1] == tmp_path.stat().st_ino, "the new name last"
    on_disk.clear()
    with files.atomic_path(target, durable=False) as temporary:
        make(temporary)
    assert not on_disk
