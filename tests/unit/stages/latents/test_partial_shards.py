"""Which sequences are encoded again: new, changed and damaged ones, also after a kill."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import commands
import numpy as np
import pytest
import torch
from inpainting.artifacts.latents import Shard
from inpainting.cli import main
from inpainting.core.errors import InputError
from inpainting.core.files import read_table, write_table
from inpainting.stages.latents import partial_shards
from latent_shards import (
    Encode,
    change_digest,
    digest,
    flip_a_bit,
    remove_frames,
    shard_path,
    tensors,
)
from PIL import Image


def test_a_shard_that_is_up_to_date_is_not_written_again(encode: Encode, tiny_results: Path, tmp_path: Path) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), tmp_path))
    os.utime(out, ns=(1, 1))
    assert encode(out) == 0
    assert out.stat().st_mtime_ns == 1
    assert digest(out) == digest(shard_path(tiny_results, 0))


@pytest.mark.parametrize(
    "options",
    [
        ["--content", "grey"],
        ["--mask-threshold", "200"],
        ["--mask-invert"],
        ["--window", "17"],
        ["--window-overlap", "3"],
        ["--windows-per-sequence", "1"],
        ["--latents-dtype", "float32"],
        ["--dtype", "bfloat16"],
        ["--splits", "validation"],
    ],
)
def test_a_setting_that_changes_latents_encodes_the_shard_again(
    encode: Encode, tiny_results: Path, tmp_path: Path, options: list[str]
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), tmp_path))
    before = digest(out)
    assert encode(out, *options) == 0
    assert digest(out) != before


def test_another_mask_dilation_encodes_conditions_again_and_not_truths(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    for content, made_again in (("truth", False), ("grey", True)):
        out = Path(shutil.copy(shard_path(tiny_results, 0, content), tmp_path / f"{content}.safetensors"))
        os.utime(out, ns=(1, 1))
        before = tensors(out)
        assert encode(out, "--content", content, "--mask-dilation", "5") == 0
        after = tensors(out)
        assert before.keys() == after.keys()
        assert (out.stat().st_mtime_ns != 1) == made_again
        assert all(torch.equal(tensor, after[name]) != made_again for name, tensor in before.items())


def test_truth_posterior_does_not_encode_conditions_again(encode: Encode, tiny_results: Path, tmp_path: Path) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0, "grey"), tmp_path))
    os.utime(out, ns=(1, 1))
    assert encode(out, "--content", "grey", "--truth-posterior", "mean_and_logvar") == 0
    assert out.stat().st_mtime_ns == 1


def test_a_sequence_with_another_digest_encodes_only_its_own_shard_again(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    name = next(iter(tensors(shard_path(tiny_results, 0)))).split("/")[0]
    change_digest(copied_results, name)
    changed = []
    for number in range(2):
        out = copied_results / f"shard-{number}.safetensors"
        assert encode(out, "--shard", str(number), results=copied_results) == 0
        changed.append(digest(out) != digest(shard_path(tiny_results, number)))
    assert changed == [True, False]


def test_a_run_without_changes_reads_no_frame_and_does_not_write_the_shard(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), copied_results))
    os.utime(out, ns=(1, 1))
    remove_frames(copied_results)
    assert encode(out, results=copied_results) == 0
    assert out.stat().st_mtime_ns == 1
    assert out.with_suffix(".parquet").is_file()


def test_of_a_shard_only_the_changed_sequence_is_encoded_again(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), copied_results))
    before = tensors(out)
    changed = min(name.split("/")[0] for name in before)
    frame = copied_results / "dataset" / changed / "GT_480" / "frame_00009.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(frame)
    change_digest(copied_results, changed)
    remove_frames(copied_results, but=[changed])
    assert encode(out, results=copied_results) == 0
    after = tensors(out)
    assert before.keys() == after.keys()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        f"{changed}/{start}/{what}" for start in (0, 8) for what in ("truth", "difference")
    }


def test_a_sequence_removed_from_the_split_is_removed_from_its_shard_without_encoding(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), copied_results))
    before = tensors(out)
    left = min(name.split("/")[0] for name in before)
    split = read_table(copied_results / "audit" / "split.tsv")
    write_table(copied_results / "audit" / "split.tsv", split[split["id"] != left])
    (copied_results / "audit" / "split.json").unlink()
    remove_frames(copied_results)
    assert encode(out, results=copied_results) == 0
    assert set(tensors(out)) == {name for name in before if not name.startswith(left)}


@pytest.mark.parametrize("what", ["truth", "hole"])
def test_a_flipped_bit_is_found_and_its_sequence_encoded_again_to_the_same_bytes(
    encode: Encode, tiny_results: Path, copied_results: Path, what: str
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), copied_results))
    name = next(iter(tensors(out))).split("/")[0]
    flip_a_bit(out, f"{name}/8/{what}")
    with pytest.raises(InputError, match=f"the checksum of {name}/8/{what} does not match"):
        tensors(out)
    remove_frames(copied_results, but=[name])
    assert encode(out, results=copied_results) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: b"x" * 200, lambda data: b""])
def test_a_damaged_shard_is_encoded_again_to_the_same_bytes(
    encode: Encode, tiny_results: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    out = tmp_path / "shard.safetensors"
    out.write_bytes(damage(shard_path(tiny_results, 0).read_bytes()))
    assert encode(out) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


def test_parts_of_a_killed_run_are_reused_and_the_shards_bytes_are_the_same(
    encode: Encode, tiny_results: Path, copied_results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Shard(shard_path(tiny_results, 0))
    out = copied_results / "shard.safetensors"
    first, second, *others = whole.keys
    for name in (first, second):
        partial_shards.write_part(out, name, whole.sequence(name), "truth", whole.keys[name])
    flip_a_bit(partial_shards.parts_folder(out) / f"{second}.safetensors", f"{second}/0/truth")
    (partial_shards.parts_folder(out) / ".partial-killed").mkdir()
    remove_frames(copied_results, but=[second, *others])
    assert encode(out, results=copied_results) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()
    assert not partial_shards.parts_folder(out).exists()


@pytest.mark.slow
def test_encoding_killed_at_random_moments_and_repeated_writes_the_same_bytes(
    tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "shard.safetensors"
    command = commands.encode(tiny_base, tiny_results, out, "--shards", "2", "--workers", "2")
    moments = np.random.default_rng(0).uniform(0, 0.5, 4)
    for count, moment in enumerate(moments):
        running = subprocess.Popen(
            [sys.executable, "-m", "inpainting.cli", *command], env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        while (
            running.poll() is None and len(list(partial_shards.parts_folder(out).glob("*.safetensors"))) <= count // 2
        ):
            time.sleep(0.01)
        time.sleep(moment)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert main(command) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()
