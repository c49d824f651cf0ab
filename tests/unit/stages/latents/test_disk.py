"""Disk space of latents."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from inpainting.core.files import read_table, write_table
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.stages.latents.disk import hole_bytes
from inpainting.video import masks
from latent_shards import Encode, shard_path, tensors


def test_too_small_a_disk_is_an_error_before_any_file_is_written(
    encode: Encode, copied_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_table(copied_results / "audit" / "manifest.parquet").assign(width=8_000_000, height=4_000_000)
    write_table(copied_results / "audit" / "manifest.parquet", manifest)
    assert encode(copied_results / "new", results=copied_results) == 1
    message = capsys.readouterr().err
    assert re.search(r"the latents of truth need [\d.e+]+ TB of disk, and [\d.]+ .B are free; make room", message)
    assert not (copied_results / "new").exists()


@pytest.mark.parametrize("windows", [[], ["--windows-per-sequence", "1"], ["--windows-per-sequence", "3"]])
def test_the_logged_disk_space_is_that_of_the_tensors_with_an_estimate_for_holes(
    encode: Encode, tmp_path: Path, caplog: pytest.LogCaptureFixture, windows: list[str]
) -> None:
    caplog.set_level("INFO")
    assert encode(tmp_path, "--truth-posterior", "mean_and_logvar", *windows) == 0
    hole = hole_bytes(9, 4, 4, COGVIDEOX_2B.geometry)
    stored = tensors(shard_path(tmp_path, 0)).items()
    taken = sum(hole if name.endswith("/hole") else tensor.nbytes for name, tensor in stored)
    assert f"truth: {taken / 1000:.3g} kB in this shard" in caplog.text


def test_the_estimate_for_holes_is_enough_for_an_object_with_a_ragged_edge() -> None:
    row, column = np.mgrid[:480, :640]
    rng, distance = np.random.default_rng(0), np.hypot((row - 240) / 140, (column - 320) / 120)
    hole = np.stack([distance < 1 + 0.05 * rng.normal(size=(480, 1)) for _ in range(17)])
    assert masks.pack(hole).nbytes < hole_bytes(17, 60, 80, COGVIDEOX_2B.geometry)


def test_the_disk_space_of_later_steps_is_checked_before_the_first_window(
    encode: Encode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode(tmp_path / "new", "--reserve-gb", "1e9") == 1
    assert re.search(
        r"need 1e\+06 TB of disk, with 1e\+09 GB for later steps, and [\d.]+ .B are free", capsys.readouterr().err
    )
    assert not (tmp_path / "new").exists()


def needed_kilobytes(log: str) -> float:
    """The disk space that a run logged."""
    [(number, unit)] = re.findall(r"([\d.]+) (B|kB|MB) of disk are needed now", log)
    return float(number) * {"B": 1e-3, "kB": 1.0, "MB": 1e3}[unit]


def test_the_disk_space_of_all_contents_is_checked_less_the_shards_that_are_there(
    encode: Encode, tiny_results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def needed(name: str, contents: str) -> float:
        with caplog.at_level("INFO"):
            caplog.clear()
            assert encode(tmp_path / name, "--shard", "1", "--contents", contents) == 0
        return needed_kilobytes(caplog.text)

    alone = needed("alone", "truth")
    window = 3 * 16 * 4 * 4 * 2 / 1000  # [frames, channels, rows, columns], bytes
    condition = (7 + 1) * 2 * window  # all sequences, and a part of this shard's only one; windows
    assert needed("one", "truth,grey") == pytest.approx(alone + condition, rel=0.01)
    assert needed("two", "truth,grey,rgb") == pytest.approx(alone + 2 * condition, rel=0.01)
    shutil.copytree(shard_path(tiny_results, 0, "grey").parent, shard_path(tmp_path / "there", 0, "grey").parent)
    assert needed("there", "truth,grey") == pytest.approx(alone, rel=0.01)
