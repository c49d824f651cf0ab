"""Digests of a folder's files find every damage to them, and to themselves."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import flip_content_bit
from inpainting.core.sums import SUMS_FILE, damage, summed, write_sums

NAMES = {"one", "inner/two"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files and their digests."""
    (tmp_path / "inner").mkdir()
    for name in NAMES:
        (tmp_path / name).write_text(f"content of {name}")
    write_sums(tmp_path, NAMES)
    return tmp_path


def test_undamaged_files_are_also_verified_by_the_program_sha256sum(folder: Path) -> None:
    assert summed(folder) == NAMES
    assert damage(folder, NAMES) is None
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS_FILE], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (flip_content_bit, "is damaged: its SHA-256 is not the one in SHA256SUMS"),
        (lambda path: path.write_text("content"), "is damaged: its SHA-256 is not the one in SHA256SUMS"),
        (Path.unlink, "is missing"),
    ],
)
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_file_that_was_changed_or_is_missing_is_named(
    folder: Path, name: str, change: Callable[[Path], object], wrong: str
) -> None:
    change(folder / name)
    assert damage(folder, NAMES) == f"{folder / name} {wrong}"


def test_damage_to_the_digests_is_found(folder: Path) -> None:
    path = folder / SUMS_FILE
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            assert damage(folder, NAMES), place


def test_a_folder_of_an_earlier_version_without_digests_is_not_checked(folder: Path) -> None:
    (folder / SUMS_FILE).unlink()
    assert summed(folder) == set()
    assert damage(folder, NAMES) is None
