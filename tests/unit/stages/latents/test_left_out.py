"""Sequences that can't be read, or whose latents are not finite: left out and listed, or an error if they are many."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
import torch
from inpainting.artifacts.latents import LatentCache, Shard, write_listing, write_shard
from inpainting.cli import main
from inpainting.core.files import read_table
from inpainting.stages.latents.left_out import left_out_path
from inpainting.stages.latents.partial_shards import PartialShard
from inpainting.video.sequence import FOLDERS, MASK, TRUTH, frame_name, write_images
from latent_shards import Encode, remove_frames, shard_path, tensors
from PIL import Image
from safetensors.torch import load_file, save_file

ALLOW_ONE = ("--max-left-out", "0.2")
"""Shard 0 has six sequences, of which one may then be left out."""


@pytest.fixture
def make_base(tiny_base: Path, tmp_path: Path) -> Callable[[float], Path]:
    """Makes a base whose VAE sums 81 neighbouring values times a large weight: for black frames this overflows."""

    def make(weight: float) -> Path:
        base = Path(shutil.copytree(tiny_base, tmp_path / f"base-{weight:g}"))
        path = base / "vae" / "diffusion_pytorch_model.safetensors"
        weights = load_file(path)
        weights["encoder.conv_in.conv.weight"][0] = weight
        save_file(weights, path, metadata={"format": "pt"})
        return base

    return make


def sequences(shard: Path) -> list[str]:
    return sorted(Shard(shard).keys)


def table_of(folder: Path, shard: int = 0) -> Path:
    return left_out_path(folder / "latents", shard)


def left_out(folder: Path) -> pd.DataFrame:
    return read_table(table_of(folder))


def blacken(results: Path, name: str) -> None:
    write_images(results / "dataset" / name / TRUTH, np.zeros((17, 32, 32, 3), np.uint8))


def remove_frame(results: Path, name: str) -> None:
    (results / "dataset" / name / TRUTH / frame_name(5)).unlink()


def truncate_frame(results: Path, name: str) -> None:
    os.truncate(results / "dataset" / name / FOLDERS[0] / frame_name(5), 60)


def enlarge_masks(results: Path, name: str) -> None:
    for path in (results / "dataset" / name / MASK).iterdir():
        with Image.open(path) as image:
            enlarged = image.resize((48, 48))
        enlarged.save(path)


def test_a_window_that_overflows_in_float16_is_encoded_in_float32(
    encode: Encode,
    tiny_results: Path,
    copied_results: Path,
    make_base: Callable[[float], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    base, [name] = make_base(1000), sequences(shard_path(tiny_results, 1))
    blacken(copied_results, name)
    found = {}
    for dtype in ("float16", "float32"):
        folder, options = copied_results / dtype, ("--shard", "1", "--vae-dtype", dtype)
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            assert encode(folder, *options, results=copied_results, base=base) == 0
        assert ("encoding it in float32" in caplog.text) == (dtype == "float16")
        found[dtype] = tensors(shard_path(folder, 1))
        assert not table_of(folder, 1).exists()
    assert found["float16"].keys() == found["float32"].keys()
    assert all(torch.equal(tensor, found["float32"][key]) for key, tensor in found["float16"].items())


def test_sequences_whose_latents_are_not_finite_in_float32_are_left_out(
    encode: Encode, tiny_results: Path, make_base: Callable[[float], Path], tmp_path: Path
) -> None:
    names = sequences(shard_path(tiny_results, 0))
    assert encode(tmp_path, "--max-left-out", "1", base=make_base(float("inf"))) == 1, "nothing is left to train on"
    assert not shard_path(tmp_path, 0).exists()
    rows = left_out(tmp_path)
    assert (sorted(rows["id"]), set(rows["start"])) == (names, {0})
    assert rows["reason"].str.contains("not finite").all()


def test_a_part_with_latents_that_are_not_finite_is_encoded_again(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    whole = Shard(shard_path(tiny_results, 1))
    partial = PartialShard(shard_path(copied_results, 1), "truth", whole.keys)
    [name] = whole.keys
    broken = {what: tensor.clone() for what, tensor in whole.sequence(name).items()}
    broken[f"{name}/8/truth"][0, 0] = torch.nan
    partial.write_part(name, broken)
    assert encode(copied_results, "--shard", "1") == 0
    assert partial.path.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize(("damage", "workers"), [(remove_frame, "2"), (truncate_frame, "1"), (enlarge_masks, "1")])
def test_a_sequence_that_can_not_be_read_is_left_out_and_the_others_are_encoded(
    encode: Encode,
    tiny_results: Path,
    copied_results: Path,
    damage: Callable[[Path, str], None],
    workers: str,
) -> None:
    name = sequences(shard_path(tiny_results, 0))[2]
    damage(copied_results, name)
    options = (*ALLOW_ONE, "--contents", "truth,grey", "--workers", workers)
    assert encode(copied_results, *options, results=copied_results) == 0
    for content in ("truth", "grey"):
        whole, found = (tensors(shard_path(folder, 0, content)) for folder in (tiny_results, copied_results))
        expected = {key: tensor for key, tensor in whole.items() if not key.startswith(name)}
        assert found.keys() == expected.keys()
        assert all(torch.equal(tensor, expected[key]) for key, tensor in found.items())
    table = left_out(copied_results)
    assert list(table.columns) == ["id", "start", "reason"]
    assert list(table["id"]) == [name]
    assert table["start"].isna().all()
    assert name in table["reason"].iloc[0]


def test_more_left_out_sequences_than_allowed_are_an_error_that_keeps_what_is_encoded(
    encode: Encode, tiny_results: Path, copied_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, out = sequences(shard_path(tiny_results, 0)), shard_path(copied_results, 0)
    remove_frame(copied_results, names[2])
    assert encode(copied_results, results=copied_results) == 1
    assert (
        "1 of 6 sequences of this shard can't be encoded, and --max-left-out 0.01 allows 0" in capsys.readouterr().err
    )
    assert list(left_out(copied_results)["id"]) == [names[2]]
    assert not out.exists()
    shutil.copy(
        tiny_results / "dataset" / names[2] / TRUTH / frame_name(5), copied_results / "dataset" / names[2] / TRUTH
    )
    remove_frames(copied_results, but=names[2:])
    assert encode(copied_results, results=copied_results) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()
    assert not table_of(copied_results).exists()


def test_all_sequences_of_a_shard_left_out_are_an_error_at_any_share(
    encode: Encode, copied_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remove_frames(copied_results)
    assert encode(copied_results, "--shard", "1", "--max-left-out", "1", results=copied_results) == 1
    assert "1 of 1 sequences of this shard can't be encoded" in capsys.readouterr().err
    assert not shard_path(copied_results, 1).exists()


def test_a_left_out_sequence_is_tried_again_and_the_shard_is_written_only_if_it_can_be_encoded(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    whole, out = shard_path(tiny_results, 0), shard_path(copied_results, 0)
    name = sequences(whole)[2]
    remove_frame(copied_results, name)
    assert encode(copied_results, *ALLOW_ONE, results=copied_results) == 0
    os.utime(out, ns=(1, 1))
    assert encode(copied_results, *ALLOW_ONE, results=copied_results) == 0
    assert out.stat().st_mtime_ns == 1
    assert list(left_out(copied_results)["id"]) == [name]
    shutil.copytree(tiny_results / "dataset" / name, copied_results / "dataset" / name, dirs_exist_ok=True)
    assert encode(copied_results, results=copied_results) == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not table_of(copied_results).exists()


@pytest.mark.parametrize("content", ["truth", "grey"])
def test_the_index_lacks_a_sequence_that_was_left_out_of_one_content(
    tiny_results: Path, tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    latents = Path(shutil.copytree(tiny_results / "latents", tmp_path / "latents"))
    path = shard_path(tmp_path, 0, content)
    whole = Shard(path)
    [name, *others] = whole.keys
    kept = {key: tensor for other in others for key, tensor in whole.sequence(other).items()}
    write_shard(path, kept, content, {other: whole.keys[other] for other in others}, whole.source, {})
    write_listing(path)
    shards = {part: [shard_path(tmp_path, number, part) for number in range(2)] for part in ("truth", "grey")}
    split_file, out = tiny_results / "audit" / "split.tsv", latents / "index.parquet"
    with caplog.at_level(logging.WARNING):
        assert main(commands.index(split_file, shards["truth"], shards["grey"], out)) == 0
    assert f"1 of 7 sequences are missing, such as {name}" in caplog.text
    cache = LatentCache(out, "train")
    assert {cache[number].sequence for number in range(len(cache))} == {
        *others,
        *sequences(shard_path(tiny_results, 1)),
    }
