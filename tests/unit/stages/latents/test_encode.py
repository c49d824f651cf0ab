"""Shards of latents: what they hold."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.artifacts.latents import Shard
from inpainting.core.files import read_table
from inpainting.models.vae import encode as vae_encode
from inpainting.models.vae import to_tensor
from inpainting.video import masks, sequence
from inpainting.video.masks import unite
from latent_shards import Encode, shard_path, tensors
from numpy.typing import NDArray
from PIL import Image


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


def test_one_window_per_sequence_is_one_of_all_and_does_not_depend_on_other_sequences(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    every = {content: tensors(shard_path(tiny_results, 0, content)) for content in ("truth", "grey")}
    starts = {}
    for content, shards in (("truth", "2"), ("grey", "2"), ("truth", "1")):
        folder, chosen_windows = tmp_path / shards, ("--windows-per-sequence", "1")
        assert encode(folder, "--contents", content, "--shards", shards, *chosen_windows) == 0
        stored = tensors(shard_path(folder, 0, content)).items()
        chosen = {name: tensor for name, tensor in stored if name in every[content]}
        assert all(torch.equal(tensor, every[content][name]) for name, tensor in chosen.items())
        starts[content, shards] = {(name.split("/")[0], int(name.split("/")[1])) for name in chosen}
        sequences = {name.split("/")[0] for name in every[content]}
        assert sorted(sequence for sequence, _ in starts[content, shards]) == sorted(sequences)
    assert starts["truth", "2"] == starts["grey", "2"] == starts["truth", "1"]
    assert {start for _, start in starts["truth", "2"]} <= {0, 8}


def test_settings_at_their_default_leave_the_keys_of_before_they_could_be_chosen(tiny_results: Path) -> None:
    assert not {"windows_per_sequence", "mask_union"} & {*Shard(shard_path(tiny_results, 0)).provenance["settings"]}


def test_truths_hold_the_united_hole_also_at_a_windows_edge_and_conditions_are_filled_in_it(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    options = ("--contents", "truth,grey", "--mask-union", "3", "--windows-per-sequence", "1")
    assert encode(tmp_path, *options) == 0
    truths, conditions = (Shard(shard_path(tmp_path, 0, content)) for content in ("truth", "grey"))
    assert truths.source == conditions.source != Shard(shard_path(tiny_results, 0)).source
    for name in (name for name in truths.names if name.endswith("/hole")):
        sequence_id, start, _ = name.split("/")
        whole = sequence.read_mask(tiny_results / "dataset" / sequence_id, 0, 17) == 255
        expected = unite(whole, 3)[int(start) : int(start) + 9]
        assert np.array_equal(masks.unpack(truths.tensor(name).numpy()), expected)
        before = tensors(shard_path(tiny_results, 0, "grey"))
        if (condition := f"{sequence_id}/{start}/condition") in before:
            assert not torch.equal(conditions.tensor(condition), before[condition])


def test_a_windows_truth_and_hole_are_those_of_its_frames_and_scaled_once(
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
            hole = masks.unpack(stored[f"{name}/{start}/hole"].numpy())
            assert np.array_equal(hole, sequence.read_mask(folder, start, 9) == 255)


def test_mask_dilation_does_not_change_the_content_rgb(encode: Encode, tmp_path: Path) -> None:
    for dilation in ("1", "5"):
        assert encode(tmp_path / dilation, "--contents", "rgb", "--mask-dilation", dilation) == 0
    one, five = (tensors(shard_path(tmp_path / dilation, 0, "rgb")) for dilation in ("1", "5"))
    assert all(torch.equal(tensor, five[name]) for name, tensor in one.items())


@pytest.mark.parametrize("content", ["truth", "flow_propagation"])
def test_neither_the_number_of_workers_nor_the_folder_changes_a_byte(
    encode: Encode, tmp_path: Path, content: str
) -> None:
    for workers in ("1", "3"):
        assert encode(tmp_path / workers, "--contents", content, "--workers", workers) == 0
    one, three = (shard_path(tmp_path / workers, 0, content) for workers in ("1", "3"))
    assert one.read_bytes() == three.read_bytes()


def test_a_windows_latents_do_not_depend_on_what_else_its_shard_holds(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    assert encode(tmp_path, "--shards", "1", "--shard", "0") == 0
    whole = tensors(shard_path(tmp_path, 0))
    for number in range(2):
        for name, tensor in tensors(shard_path(tiny_results, number)).items():
            assert torch.equal(tensor, whole[name])


def test_the_same_settings_give_the_same_bytes_in_another_folder(
    encode: Encode, tiny_results: Path, tmp_path: Path
) -> None:
    assert encode(tmp_path) == 0
    assert shard_path(tmp_path, 0).read_bytes() == shard_path(tiny_results, 0).read_bytes()


def test_truth_posterior_mean_and_logvar_stores_both(
    encode: Encode, tiny_vae: AutoencoderKLCogVideoX, tiny_results: Path, tmp_path: Path
) -> None:
    assert encode(tmp_path, "--truth-posterior", "mean_and_logvar", "--latents-dtype", "float32") == 0
    stored = tensors(shard_path(tmp_path, 0))
    name = next(iter(stored)).split("/")[0]
    truths = to_tensor(sequence.read_truth(tiny_results / "dataset" / name, 8, 9))[None]
    mean, logvar = vae_encode(tiny_vae, truths)
    torch.testing.assert_close(stored[f"{name}/8/truth"], mean[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(stored[f"{name}/8/logvar"], logvar[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_error_names_a_frame_that_was_removed_after_the_audit(
    encode: Encode, copied_results: Path, workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (copied_results / "dataset").iterdir():
        (folder / "MASK_480" / "frame_00017.png").unlink()
    assert encode(copied_results, "--workers", workers, results=copied_results) == 1
    assert "frame_00017.png" in capsys.readouterr().err
    assert not shard_path(copied_results, 0).exists()


def test_a_window_longer_than_the_sequences_is_refused(
    encode: Encode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode(tmp_path, "--window", "25") == 2
    assert "--window: 25 frames do not fit into sequences of 17" in capsys.readouterr().err


def test_the_difference_of_input_and_truth_outside_the_hole_is_stored_per_latent_cell(
    encode: Encode, copied_results: Path, tmp_path: Path
) -> None:
    name = f"{0:016x}"
    path = copied_results / "dataset" / name / sequence.RGB / "frame_00003.png"
    pixels = np.array(Image.open(path))
    pixels[0, 9] = np.where(pixels[0, 9] < 128, pixels[0, 9] + 40, pixels[0, 9] - 40)
    Image.fromarray(pixels).save(path)
    for number in range(2):
        assert encode(tmp_path, "--shard", str(number), results=copied_results) == 0
    found = tensors(shard_path(tmp_path, 0)) | tensors(shard_path(tmp_path, 1))
    expected = torch.zeros(3, 4, 4, dtype=torch.uint8)
    expected[1, 0, 1] = 40
    assert torch.equal(found[f"{name}/0/difference"], expected)
    assert not found[f"{1:016x}/0/difference"].any()


def test_the_hole_is_the_mask_at_or_above_the_threshold(encode: Encode, copied_results: Path, tmp_path: Path) -> None:
    def soften(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.where(mask > 0, 100, 20).astype(np.uint8)

    for folder in (copied_results / "dataset").iterdir():
        for path in (folder / "MASK_480").iterdir():
            with Image.open(path) as image:
                softened = soften(np.asarray(image))
            Image.fromarray(softened).save(path)
    assert encode(tmp_path, "--mask-threshold", "100", results=copied_results) == 0
    found = tensors(shard_path(tmp_path, 0))
    holes = {name: masks.unpack(packed.numpy()) for name, packed in found.items() if name.endswith("/hole")}
    for name, hole in holes.items():
        sequence_name, start, _ = name.split("/")
        stored = sequence.read_mask(copied_results / "dataset" / sequence_name, int(start), 9)
        assert np.array_equal(hole, stored == 100)
