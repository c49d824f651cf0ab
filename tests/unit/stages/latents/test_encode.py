"""Shards of latents: what is in them, and when they are made again."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.artifacts.latents import Shard
from inpainting.cli import main
from inpainting.core.errors import InputError
from inpainting.core.files import read_table, write_table
from inpainting.models.vae import encode as vae_encode
from inpainting.models.vae import to_tensor
from inpainting.stages.latents import partial_shards
from inpainting.stages.latents.reading import difference
from inpainting.video import sequence
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Encode = Callable[..., int]


@pytest.fixture
def encode(tiny_base: Path, tiny_results: Path) -> Encode:
    """Encodes one of two shards of the tiny dataset, of the truth; options given later replace these."""

    def encode(out: Path, *options: str, results: Path = tiny_results) -> int:
        audit = results / "audit"
        command = ["encode", "--base", str(tiny_base), "--dataset", str(results / "dataset"), "--out", str(out)]
        command += ["--manifest", str(audit / "manifest.parquet"), "--split-file", str(audit / "split.tsv")]
        command += ["--frames", "17", "--window", "9", "--window-overlap", "1", "--shards", "2"]
        command += ["--content", "truth", "--workers", "1"]
        return main([*command, *options])

    return encode


def shard_path(results: Path, number: int, content: str = "truth") -> Path:
    return results / "latents" / content / f"shard-{number}.safetensors"


def tensors(path: Path) -> dict[str, Tensor]:
    shard = Shard(path)
    return {name: shard.tensor(name).clone() for name in shard.names}


def digest(path: Path) -> str:
    return Shard(path).digest


def training_sequences(results: Path) -> list[str]:
    split = read_table(results / "audit" / "split.tsv")
    return sorted(split.loc[split["split"] == "train", "id"])


def remove_frames(results: Path, but: Collection[str] = ()) -> None:
    """Leave sequences without a single frame, so that whoever reads one fails."""
    for folder in (results / "dataset").iterdir():
        if folder.name not in but:
            shutil.rmtree(folder)
            folder.mkdir()


def flip_a_bit(path: Path, tensor: str) -> None:
    """Change one bit in the middle of a tensor's bytes."""
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[:8], "little")
    first, last = json.loads(data[8 : 8 + length])[tensor]["data_offsets"]
    data[8 + length + (first + last) // 2] ^= 4
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("content", "tensors_of"), [("truth", ("truth", "hole", "difference")), ("grey", ("condition",))]
)
def test_the_shards_together_hold_each_training_window_once(
    tiny_results: Path, content: str, tensors_of: tuple[str, ...]
) -> None:
    names = [name for number in range(2) for name in tensors(shard_path(tiny_results, number, content))]
    split = read_table(tiny_results / "audit" / "split.tsv")
    training = split.loc[split["split"] == "train", "id"]
    assert 0 < len(training) < len(split)
    assert len(names) == len(set(names))
    assert set(names) == {f"{name}/{start}/{what}" for name in training for start in (0, 8) for what in tensors_of}
    assert all(len(tensors(shard_path(tiny_results, number, content))) > 0 for number in range(2))


def test_truth_and_mask_are_of_the_windows_own_frames_and_scaled_once(
    tiny_vae: AutoencoderKLCogVideoX, tiny_results: Path
) -> None:
    path = shard_path(tiny_results, 0)
    stored = tensors(path)
    for name in {key.split("/")[0] for key in stored}:
        folder = tiny_results / "dataset" / name
        for start in (0, 8):
            frames = to_tensor(sequence.read_truth(folder, start, 9))
            with torch.no_grad():
                mean = tiny_vae.encode(frames.transpose(0, 1)[None]).latent_dist.mean[0].transpose(0, 1)
            truth = stored[f"{name}/{start}/truth"]
            assert truth.shape == (3, 16, 4, 4)
            torch.testing.assert_close(truth.float(), 1.7 * mean, rtol=2e-3, atol=1e-3)
            bits = stored[f"{name}/{start}/hole"].numpy()
            hole = np.unpackbits(bits, axis=-1)
            assert np.array_equal(hole, sequence.read_mask(folder, start, 9) == 255)


def test_a_shard_that_is_up_to_date_is_left_untouched(encode: Encode, tiny_results: Path, tmp_path: Path) -> None:
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
        ["--latents-dtype", "float32"],
        ["--dtype", "bfloat16"],
        ["--splits", "validation"],
    ],
)
def test_a_setting_that_shapes_latents_makes_the_shard_again(
    encode: Encode, tiny_results: Path, tmp_path: Path, options: list[str]
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), tmp_path))
    before = digest(out)
    assert encode(out, *options) == 0
    assert digest(out) != before


def test_a_changed_dilation_makes_conditions_again_and_leaves_truths_untouched(
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


def test_a_dilation_does_not_reach_the_unmasked_input(encode: Encode, tmp_path: Path) -> None:
    for dilation in ("1", "5"):
        assert encode(tmp_path / f"{dilation}.safetensors", "--content", "rgb", "--mask-dilation", dilation) == 0
    one, five = (tensors(tmp_path / f"{dilation}.safetensors") for dilation in ("1", "5"))
    assert all(torch.equal(tensor, five[name]) for name, tensor in one.items())


@pytest.mark.parametrize("content", ["truth", "flow_propagation"])
def test_neither_the_number_of_workers_nor_the_place_changes_a_byte(
    encode: Encode, tmp_path: Path, content: str
) -> None:
    for workers in ("1", "3"):
        assert encode(tmp_path / workers / "a.safetensors", "--content", content, "--workers", workers) == 0
    assert (tmp_path / "1" / "a.safetensors").read_bytes() == (tmp_path / "3" / "a.safetensors").read_bytes()


def test_a_window_has_the_same_latents_whatever_windows_are_encoded_beside_it(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    """Two go through the VAE at once, and which two depends on what else the shard holds."""
    out = tmp_path / "shard.safetensors"
    assert encode(out, "--shards", "1", "--shard", "0") == 0
    whole = tensors(out)
    for number in range(2):
        for name, tensor in tensors(shard_path(tiny_results, number)).items():
            assert torch.equal(tensor, whole[name])


def test_the_same_settings_give_the_same_bytes_wherever_the_shard_lies(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "elsewhere.safetensors"
    assert encode(out) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


@pytest.fixture
def copied_results(tiny_results: Path, tmp_path: Path) -> Path:
    """A copy of the tiny dataset that a test may change."""
    for part in ("dataset", "audit"):
        shutil.copytree(tiny_results / part, tmp_path / part)
    return tmp_path


def test_a_sequence_that_the_audit_found_changed_makes_its_own_shard_again(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    manifest = read_table(copied_results / "audit" / "manifest.parquet").set_index("id", drop=False)
    name = next(iter(tensors(shard_path(tiny_results, 0)))).split("/")[0]
    manifest.loc[name, "digest"] = "another"
    write_table(copied_results / "audit" / "manifest.parquet", manifest)
    changed = []
    for number in range(2):
        out = copied_results / f"shard-{number}.safetensors"
        assert encode(out, "--shard", str(number), results=copied_results) == 0
        changed.append(digest(out) != digest(shard_path(tiny_results, number)))
    assert changed == [True, False]


def test_a_run_with_nothing_changed_reads_no_frame_and_leaves_the_shard_untouched(
    encode: Encode, tiny_results: Path, copied_results: Path
) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), copied_results))
    os.utime(out, ns=(1, 1))
    remove_frames(copied_results)
    assert encode(out, results=copied_results) == 0
    assert out.stat().st_mtime_ns == 1
    assert out.with_suffix(".parquet").is_file()


def test_a_sequence_that_changed_costs_itself_alone(encode: Encode, tiny_results: Path, copied_results: Path) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0), copied_results))
    before = tensors(out)
    changed = min(name.split("/")[0] for name in before)
    frame = copied_results / "dataset" / changed / "GT_480" / "frame_00009.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(frame)
    manifest = read_table(copied_results / "audit" / "manifest.parquet").set_index("id", drop=False)
    manifest.loc[changed, "digest"] = "another"
    write_table(copied_results / "audit" / "manifest.parquet", manifest)
    remove_frames(copied_results, but=[changed])
    assert encode(out, results=copied_results) == 0
    after = tensors(out)
    assert before.keys() == after.keys()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        f"{changed}/{start}/{what}" for start in (0, 8) for what in ("truth", "difference")
    }


def test_a_sequence_that_left_the_split_leaves_its_shard_and_costs_nothing(
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
def test_a_flipped_bit_is_found_and_its_sequence_made_again_to_the_same_bytes(
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
def test_a_shard_that_is_not_whole_is_made_again_to_the_same_bytes(
    encode: Encode, tiny_results: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    out = tmp_path / "shard.safetensors"
    out.write_bytes(damage(shard_path(tiny_results, 0).read_bytes()))
    assert encode(out) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


def test_what_a_killed_run_finished_is_taken_up_and_the_shards_bytes_are_the_same(
    encode: Encode, tiny_results: Path, copied_results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Shard(shard_path(tiny_results, 0))
    out = copied_results / "shard.safetensors"
    first, second, *others = whole.keys
    for name in (first, second):
        partial_shards.keep(out, name, whole.sequence(name), "truth", whole.keys[name])
    flip_a_bit(partial_shards.parts_folder(out) / f"{second}.safetensors", f"{second}/0/truth")
    (partial_shards.parts_folder(out) / ".partial-killed").mkdir()
    remove_frames(copied_results, but=[second, *others])
    assert encode(out, results=copied_results) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()
    assert not partial_shards.parts_folder(out).exists()


@pytest.mark.slow
def test_encoding_that_is_killed_at_random_moments_ends_in_the_same_bytes(
    tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    audit, out = tiny_results / "audit", tmp_path / "shard.safetensors"
    command = ["encode", "--base", tiny_base, "--dataset", tiny_results / "dataset", "--out", out, "--content", "truth"]
    command += ["--manifest", audit / "manifest.parquet", "--split-file", audit / "split.tsv", "--frames", "17"]
    command += ["--window", "9", "--window-overlap", "1", "--shards", "2", "--workers", "2"]
    words = [sys.executable, "-m", "inpainting.cli", *map(str, command)]
    moments = np.random.default_rng(0).uniform(0, 0.5, 4)
    for count, moment in enumerate(moments):
        running = subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"})
        while (
            running.poll() is None and len(list(partial_shards.parts_folder(out).glob("*.safetensors"))) <= count // 2
        ):
            time.sleep(0.01)
        time.sleep(moment)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert main([str(word) for word in command]) == 0
    assert out.read_bytes() == shard_path(tiny_results, 0).read_bytes()


def test_too_small_a_disk_is_told_before_any_work_starts(
    encode: Encode, copied_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_table(copied_results / "audit" / "manifest.parquet").assign(width=8_000_000, height=4_000_000)
    write_table(copied_results / "audit" / "manifest.parquet", manifest)
    assert encode(copied_results / "new" / "shard.safetensors", results=copied_results) == 1
    message = capsys.readouterr().err
    assert re.search(r"the latents of truth need [\d.e+]+ TB of disk, and [\d.]+ .B are free; make room", message)
    assert not (copied_results / "new").exists()


def test_the_disk_that_is_told_is_what_the_tensors_take(
    encode: Encode, tiny_results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    out = tmp_path / "shard.safetensors"
    assert encode(out, "--truth-posterior", "mean_and_logvar") == 0
    taken = sum(tensor.numel() * tensor.element_size() for tensor in tensors(out).values())
    assert f"truth: {taken / 1000:.3g} kB in this shard" in caplog.text


def test_the_posteriors_spread_is_kept_where_asked_for(
    encode: Encode, tiny_vae: AutoencoderKLCogVideoX, tiny_results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "shard.safetensors"
    assert encode(out, "--truth-posterior", "mean_and_logvar", "--latents-dtype", "float32") == 0
    stored = tensors(out)
    name = next(iter(stored)).split("/")[0]
    truths = to_tensor(sequence.read_truth(tiny_results / "dataset" / name, 8, 9))[None]
    mean, logvar = vae_encode(tiny_vae, truths)
    torch.testing.assert_close(stored[f"{name}/8/truth"], mean[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(stored[f"{name}/8/logvar"], logvar[0], rtol=1e-4, atol=1e-4)


def test_the_truths_posterior_shapes_no_condition(encode: Encode, tiny_results: Path, tmp_path: Path) -> None:
    out = Path(shutil.copy(shard_path(tiny_results, 0, "grey"), tmp_path))
    os.utime(out, ns=(1, 1))
    assert encode(out, "--content", "grey", "--truth-posterior", "mean_and_logvar") == 0
    assert out.stat().st_mtime_ns == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_frame_that_went_missing_after_the_audit_is_named(
    encode: Encode, copied_results: Path, workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (copied_results / "dataset").iterdir():
        (folder / "MASK_480" / "frame_00017.png").unlink()
    out = copied_results / "shard.safetensors"
    assert encode(out, "--workers", workers, results=copied_results) == 1
    assert "frame_00017.png" in capsys.readouterr().err
    assert not out.exists()


def test_a_window_longer_than_the_sequences_is_refused(
    encode: Encode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode(tmp_path / "shard.safetensors", "--window", "25") == 2
    assert "--window: 25 frames were asked of sequences of 17" in capsys.readouterr().err


def test_the_difference_of_input_and_truth_beside_the_hole_is_kept_by_cell(
    encode: Encode, copied_results: Path, tmp_path: Path
) -> None:
    name = f"{0:016x}"
    path = copied_results / "dataset" / name / sequence.RGB / "frame_00003.png"
    pixels = np.array(Image.open(path))
    pixels[0, 9] = np.where(pixels[0, 9] < 128, pixels[0, 9] + 40, pixels[0, 9] - 40)
    Image.fromarray(pixels).save(path)
    for number in range(2):
        assert encode(tmp_path / f"{number}.safetensors", "--shard", str(number), results=copied_results) == 0
    found = tensors(tmp_path / "0.safetensors") | tensors(tmp_path / "1.safetensors")
    expected = torch.zeros(3, 4, 4, dtype=torch.uint8)
    expected[1, 0, 1] = 40
    assert torch.equal(found[f"{name}/0/difference"], expected)
    assert not found[f"{1:016x}/0/difference"].any()


def test_differences_are_the_channels_mean_rounded_up_and_nothing_in_the_hole() -> None:
    truth = np.full((1, 1, 4, 3), 100, np.uint8)
    rgb = truth.copy()
    rgb[0, 0, :3] = [[100, 100, 99], [255, 0, 100], [0, 0, 0]]
    hole = np.array([[[False, False, True, False]]])
    assert difference(rgb, truth, hole).tolist() == [[[1, 85, 0, 0]]]


def test_soft_masks_are_cut_at_the_threshold(encode: Encode, copied_results: Path, tmp_path: Path) -> None:
    def soften(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.where(mask > 0, 100, 20).astype(np.uint8)

    for folder in (copied_results / "dataset").iterdir():
        for path in (folder / "MASK_480").iterdir():
            with Image.open(path) as image:
                softened = soften(np.asarray(image))
            Image.fromarray(softened).save(path)
    out = tmp_path / "shard.safetensors"
    assert encode(out, "--mask-threshold", "100", results=copied_results) == 0
    holes = {name: tensor for name, tensor in tensors(out).items() if name.endswith("/hole")}
    for name, bits in holes.items():
        sequence_name, start, _ = name.split("/")
        stored = sequence.read_mask(copied_results / "dataset" / sequence_name, int(start), 9)
        assert np.array_equal(np.unpackbits(bits.numpy(), axis=-1), stored == 100)
