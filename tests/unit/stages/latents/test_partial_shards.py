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
from inpainting.stages.latents.partial_shards import PartialShard
from inpainting.video.sequence import TRUTH
from latent_shards import (
    Encode,
    change_digest,
    copy_shard,
    digest,
    flip_a_bit,
    remove_frames,
    shard_path,
    tensors,
)
from PIL import Image


def test_a_shard_that_is_up_to_date_is_not_written_again(encode: Encode, tiny_results: Path, tmp_path: Path) -> None:
    out = copy_shard(tiny_results, tmp_path)
    os.utime(out, ns=(1, 1))
    assert encode(tmp_path) == 0
    assert out.stat().st_mtime_ns == 1
    assert digest(out) == digest(shard_path(tiny_results, 0))


@pytest.mark.parametrize(
    "options",
    [
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
    out = copy_shard(tiny_results, tmp_path)
    before = digest(out)
    assert encode(tmp_path, *options) == 0
    assert digest(out) != before


def test_another_mask_dilation_encodes_conditions_again_and_not_truths(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    outs = {content: copy_shard(tiny_results, tmp_path, content) for content in ("truth", "grey")}
    for out in outs.values():
        os.utime(out, ns=(1, 1))
    whole = {content: tensors(out) for content, out in outs.items()}
    assert encode(tmp_path, "--contents", "truth,grey", "--mask-dilation", "5") == 0
    for content, made_again in (("truth", False), ("grey", True)):
        out, before, after = outs[content], whole[content], tensors(outs[content])
        assert before.keys() == after.keys()
        assert (out.stat().st_mtime_ns != 1) == made_again
        assert all(torch.equal(tensor, after[name]) != made_again for name, tensor in before.items())


def test_a_new_content_is_encoded_without_reading_or_writing_what_only_the_others_need(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    truths, conditions = (copy_shard(tiny_results, copied_results, content) for content in ("truth", "grey"))
    for out in (truths, conditions):
        os.utime(out, ns=(1, 1))
    for folder in (copied_results / "dataset").iterdir():
        shutil.rmtree(folder / TRUTH)
    assert encode(copied_results, "--contents", "truth,grey,rgb", results=copied_results) == 0
    assert truths.stat().st_mtime_ns == conditions.stat().st_mtime_ns == 1
    new = shard_path(copied_results, 0, "rgb")
    assert new.read_bytes() == shard_path(tiny_results, 0, "rgb").read_bytes()


def test_a_kill_between_the_parts_of_two_contents_costs_only_the_part_that_is_missing(
    encode: Encode, tiny_results: Path, copied_results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Shard(shard_path(tiny_results, 0))
    first = next(iter(whole.keys))
    PartialShard(shard_path(copied_results, 0), "truth", whole.keys).write_part(first, whole.sequence(first))
    shutil.rmtree(copied_results / "dataset" / first / TRUTH)
    with caplog.at_level("INFO"):
        assert encode(copied_results, "--contents", "truth,grey", results=copied_results) == 0
    assert "truth: 5 of 6 sequences are new" in caplog.text and "grey: 6 of 6 sequences are new" in caplog.text
    for content in ("truth", "grey"):
        assert shard_path(copied_results, 0, content).read_bytes() == shard_path(tiny_results, 0, content).read_bytes()


def test_truth_posterior_does_not_encode_conditions_again(encode: Encode, tiny_results: Path, tmp_path: Path) -> None:
    out = copy_shard(tiny_results, tmp_path, "grey")
    os.utime(out, ns=(1, 1))
    assert encode(tmp_path, "--contents", "grey", "--truth-posterior", "mean_and_logvar") == 0
    assert out.stat().st_mtime_ns == 1


def test_a_sequence_with_another_digest_encodes_only_its_own_shard_again(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    name = next(iter(tensors(shard_path(tiny_results, 0)))).split("/")[0]
    change_digest(copied_results, name)
    changed = []
    for number in range(2):
        assert encode(copied_results, "--shard", str(number), results=copied_results) == 0
        changed.append(digest(shard_path(copied_results, number)) != digest(shard_path(tiny_results, number)))
    assert changed == [True, False]


def test_a_run_without_changes_reads_no_frame_and_does_not_write_the_shard(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = copy_shard(tiny_results, copied_results)
    os.utime(out, ns=(1, 1))
    remove_frames(copied_results)
    assert encode(copied_results, results=copied_results) == 0
    assert out.stat().st_mtime_ns == 1
    assert out.with_suffix(".parquet").is_file()


def test_of_a_shard_only_the_changed_sequence_is_encoded_again(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = copy_shard(tiny_results, copied_results)
    before = tensors(out)
    changed = min(name.split("/")[0] for name in before)
    frame = copied_results / "dataset" / changed / "GT_480" / "frame_00009.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(frame)
    change_digest(copied_results, changed)
    remove_frames(copied_results, but=[changed])
    assert encode(copied_results, results=copied_results) == 0
    after = tensors(out)
    assert before.keys() == after.keys()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        f"{changed}/{start}/{what}" for start in (0, 8) for what in ("truth", "difference")
    }


def test_a_sequence_removed_from_the_split_is_removed_from_its_shard_without_encoding(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = copy_shard(tiny_results, copied_results)
    before = tensors(out)
    left = min(name.split("/")[0] for name in before)
    split = read_table(copied_results / "audit" / "split.tsv")
    write_table(copied_results / "audit" / "split.tsv", split[split["id"] != left])
    (copied_results / "audit" / "split.json").unlink()
    remove_frames(copied_results)
    assert encode(copied_results, results=copied_results) == 0
    assert set(tensors(out)) == {name for name in before if not name.startswith(left)}


@pytest.mark.parametrize("what", ["truth", "hole"])
def test_a_flipped_bit_is_found_and_its_sequence_encoded_again_to_the_same_bytes(
    encode: Encode, tiny_results: Path, copied_results: Path, what: str
) -> None:
    out = copy_shard(tiny_results, copied_results)
    name = next(iter(tensors(out))).split("/")[0]
    flip_a_bit(out, f"{name}/8/{what}")
    with pytest.raises(InputError, match=f"the checksum of {name}/8/{what} does not match"):
        tensors(out)
    remove_frames(copied_results, but=[name])
    assert encode(copied_results, results=copied_results) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: b"x" * 200, lambda data: b""])
def test_a_damaged_shard_is_encoded_again_to_the_same_bytes(
    encode: Encode, tiny_results: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    out = copy_shard(tiny_results, tmp_path)
    out.write_bytes(damage(out.read_bytes()))
    assert encode(tmp_path) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


def test_parts_of_a_killed_run_are_reused_and_the_shards_bytes_are_the_same(
    encode: Encode, tiny_results: Path, copied_results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Shard(shard_path(tiny_results, 0))
    partial = PartialShard(shard_path(copied_results, 0), "truth", whole.keys)
    first, second, *others = whole.keys
    for name in (first, second):
        partial.write_part(name, whole.sequence(name))
    flip_a_bit(partial.parts / f"{second}.safetensors", f"{second}/0/truth")
    (partial.parts / ".partial-killed").mkdir()
    remove_frames(copied_results, but=[second, *others])
    assert encode(copied_results, results=copied_results) == 0
    assert partial.path.read_bytes() == whole.path.read_bytes()
    assert not partial.parts.exists()


@pytest.mark.slow
def test_encoding_killed_at_random_moments_and_repeated_writes_the_same_bytes(
    tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    outs = {content: shard_path(tmp_path, 0, content) for content in ("truth", "grey")}
    options = ("--contents", "truth,grey", "--shards", "2", "--workers", "2")
    command = commands.encode(tiny_base, tiny_results, tmp_path / "latents", *options)
    moments = np.random.default_rng(0).uniform(0, 0.5, 4)
    for count, moment in enumerate(moments):
        running = subprocess.Popen(
            [sys.executable, "-m", "inpainting.cli", *command], env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        while running.poll() is None and len(list(tmp_path.rglob("*.parts/*.safetensors"))) <= count:
            time.sleep(0.01)
        time.sleep(moment)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert main(command) == 0
    for content, out in outs.items():
        assert out.read_bytes() == shard_path(tiny_results, 0, content).read_bytes()
