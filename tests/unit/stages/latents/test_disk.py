"""Disk space of latents."""

import re
from pathlib import Path

import pytest
from inpainting.core.files import read_table, write_table
from latent_shards import Encode, tensors


def test_too_small_a_disk_is_an_error_before_any_file_is_written(
    encode: Encode, copied_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_table(copied_results / "audit" / "manifest.parquet").assign(width=8_000_000, height=4_000_000)
    write_table(copied_results / "audit" / "manifest.parquet", manifest)
    assert encode(copied_results / "new" / "shard.safetensors", results=copied_results) == 1
    message = capsys.readouterr().err
    assert re.search(r"the latents of truth need [\d.e+]+ TB of disk, and [\d.]+ .B are free; make room", message)
    assert not (copied_results / "new").exists()


@pytest.mark.parametrize("windows", [[], ["--windows-per-sequence", "1"], ["--windows-per-sequence", "3"]])
def test_the_logged_disk_space_is_that_of_the_tensors(
    encode: Encode, tmp_path: Path, caplog: pytest.LogCaptureFixture, windows: list[str]
) -> None:
    caplog.set_level("INFO")
    out = tmp_path / "shard.safetensors"
    assert encode(out, "--truth-posterior", "mean_and_logvar", *windows) == 0
    taken = sum(tensor.numel() * tensor.element_size() for tensor in tensors(out).values())
    assert f"truth: {taken / 1000:.3g} kB in this shard" in caplog.text


def test_the_disk_space_of_later_steps_is_checked_before_the_first_window(
    encode: Encode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode(tmp_path / "new" / "shard.safetensors", "--reserve-gb", "1e9") == 1
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
    def needed(name: str, *folders: Path) -> float:
        options = ["--content-folders", ",".join(map(str, folders))] if folders else []
        with caplog.at_level("INFO"):
            caplog.clear()
            assert encode(tmp_path / name / "shard.safetensors", "--shard", "1", *options) == 0
        return needed_kilobytes(caplog.text)

    alone = needed("alone")
    assert needed("truth", tmp_path / "truth") == alone
    condition = 7 * 2 * 3 * 16 * 4 * 4 * 2 / 1000  # sequences, windows, [frames, channels, rows, columns], bytes
    assert needed("one", tmp_path / "grey") == pytest.approx(alone + condition, rel=0.01)
    assert needed("two", tmp_path / "grey", tmp_path / "rgb") == pytest.approx(alone + 2 * condition, rel=0.01)
    assert needed("there", tiny_results / "latents" / "grey") == alone
