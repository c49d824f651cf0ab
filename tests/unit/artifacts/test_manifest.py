"""The split as it is read beside the manifest: whole, or refused."""

from pathlib import Path

import pandas as pd
import pytest
from inpainting.artifacts.manifest import MANIFEST, read_split, write_manifest
from inpainting.artifacts.record import Content, Soundness, make_record
from inpainting.artifacts.split import SPLIT_TABLE
from inpainting.core.errors import InputError

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    """A manifest of four accepted sequences."""
    sound, content = Soundness(1, 16, 16, "digest", []), Content([0.5], 1, 1, 0, 0, 0, "", [])
    write_manifest(tmp_path / "manifest.parquet", [make_record(name, sound, content) for name in NAMES], {})
    return MANIFEST.read(tmp_path / "manifest.parquet")


@pytest.fixture
def split_file(tmp_path: Path) -> Path:
    """The split of these sequences, without split.json."""
    path = tmp_path / "split.tsv"
    SPLIT_TABLE.write(path, pd.DataFrame({"id": NAMES, "group": NAMES, "split": "train"}))
    return path


def test_a_whole_split_is_read(split_file: Path, manifest: pd.DataFrame) -> None:
    assert list(read_split(split_file, manifest)["id"]) == list(NAMES)


def test_a_split_that_is_cut_off_at_any_byte_is_refused(split_file: Path, manifest: pd.DataFrame) -> None:
    whole = split_file.read_bytes()
    for length in range(len(whole)):
        split_file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut off|is damaged"):
            read_split(split_file, manifest)


def test_a_split_from_which_a_person_removed_sequences_is_read(split_file: Path, manifest: pd.DataFrame) -> None:
    table = SPLIT_TABLE.read(split_file)
    SPLIT_TABLE.write(split_file, table[table["id"] != "b"])
    assert list(read_split(split_file, manifest)["id"]) == ["a", "c", "d"]


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "..", ".", ""])
def test_a_manifest_whose_id_leads_out_of_the_dataset_is_refused(name: str, tmp_path: Path) -> None:
    sound, content = Soundness(1, 16, 16, "digest", []), Content([0.5], 1, 1, 0, 0, 0, "", [])
    write_manifest(tmp_path / "manifest.parquet", [make_record(name, sound, content)], {})
    with pytest.raises(InputError, match=r"manifest\.parquet is damaged .* does not name a folder"):
        MANIFEST.read(tmp_path / "manifest.parquet")
