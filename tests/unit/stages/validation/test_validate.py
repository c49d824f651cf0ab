"""`inpaint validate`: the scores of a checkpoint, and which checkpoints are refused."""

import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import numpy as np
import pytest
from damage import flip_content_bit, remove_sums
from inpainting.cli import main
from inpainting.core import seeds
from inpainting.core.files import folder_digest, read_table, write_table
from inpainting.models.adapter_files import LORA_FILE
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.video import sequence
from PIL import Image
from safetensors.torch import load_file, save_file

Validate = Callable[..., int]


@pytest.fixture
def validate(tiny_base: Path, tiny_results: Path, tiny_training: Path) -> Validate:
    """Validates the tiny training's last checkpoint with two denoising steps; options given later replace these."""

    def validate(out: Path, *options: str) -> int:
        checkpoint = tiny_training / "checkpoints" / "step-4"
        steps = [] if "--steps" in options else ["--steps", "2"]
        return main(commands.validate(tiny_base, tiny_results, checkpoint, out, *steps, *options))

    return validate


def validation_sequences(results: Path) -> list[str]:
    split = read_table(results / "audit" / "split.tsv")
    return sorted(split.loc[split["split"] == "validation", "id"])


def scores(out: Path) -> Any:
    """The only run of a result, and the result's step."""
    result = json.loads(out.read_text())
    (run,) = result["runs"]
    return {**run, "step": result["step"]}


def test_only_the_validation_sequences_are_scored(validate: Validate, tiny_results: Path, tmp_path: Path) -> None:
    assert validate(tmp_path / "step-4.json") == 0
    result = scores(tmp_path / "step-4.json")
    assert result["step"] == 4
    assert [row["sequence"] for row in result["sequences"]] == validation_sequences(tiny_results)
    mean = np.mean([row["psnr_mask"] for row in result["sequences"]])
    assert result["scores"]["psnr_mask"]["mean"] == pytest.approx(mean)


def test_scores_are_those_of_the_raw_output_inside_the_undilated_mask(
    validate: Validate, tiny_base: Path, tiny_results: Path, tiny_training: Path, tmp_path: Path
) -> None:
    assert validate(tmp_path / "step-4.json", "--limit", "1") == 0
    (row,) = scores(tmp_path / "step-4.json")["sequences"]
    adapter = tiny_training / "checkpoints" / "step-4" / "adapter"
    model = InferenceSettings(base=str(tiny_base), device="cpu")
    folder = tiny_results / "dataset" / row["sequence"]
    rgb, mask = sequence.read_rgb(folder, 0, 17), sequence.read_mask(folder, 0, 17)
    generator = noise_generator(seeds.derive(0, "validation.noise", row["sequence"]))
    raw = load_pipeline(model, adapter)(rgb, mask, num_inference_steps=2, generator=generator, composite=False).frames
    hole = mask >= 128
    errors = (raw[hole].astype(float) - sequence.read_truth(folder, 0, 17)[hole]) ** 2
    assert row["psnr_mask"] == pytest.approx(10 * np.log10(255**2 / errors.mean()), abs=1e-6)


def test_validation_changes_nothing_of_the_training(validate: Validate, tiny_training: Path, tmp_path: Path) -> None:
    before = folder_digest(tiny_training)
    assert validate(tmp_path / "step-4.json") == 0
    assert folder_digest(tiny_training) == before


def test_scores_are_reproducible_and_depend_on_the_checkpoint(
    validate: Validate, tiny_training: Path, tmp_path: Path
) -> None:
    earlier = str(tiny_training / "checkpoints" / "step-2")
    for name, options in (("one", []), ("again", []), ("earlier", ["--checkpoint", earlier])):
        assert validate(tmp_path / f"{name}.json", *options) == 0
    one, again, other = (scores(tmp_path / f"{name}.json") for name in ("one", "again", "earlier"))
    assert one["sequences"] == again["sequences"]
    assert one["sequences"] != other["sequences"]
    assert other["step"] == 2


def test_a_sequence_with_empty_masks_has_no_score_and_does_not_count(
    validate: Validate, tiny_results: Path, tmp_path: Path
) -> None:
    first, *others = validation_sequences(tiny_results)
    dataset = tmp_path / "dataset"
    for name in (first, *others):
        folder = tiny_results / "dataset" / name
        rgb, mask, truth = (
            read(folder, 0, 17) for read in (sequence.read_rgb, sequence.read_mask, sequence.read_truth)
        )
        sequence.write_sequence(dataset / name, rgb, mask * (name != first), truth)
    assert validate(tmp_path / "scores.json", "--dataset", str(dataset)) == 0
    result = scores(tmp_path / "scores.json")
    assert result["sequences"][0] == {"sequence": first, "psnr_mask": None, "ssim_mask": None, "detail_mask": None}
    mean = np.mean([row["psnr_mask"] for row in result["sequences"][1:]])
    assert result["scores"]["psnr_mask"]["mean"] == pytest.approx(mean)


def test_a_validation_set_without_a_sequence_is_refused(
    validate: Validate, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = read_table(tiny_results / "audit" / "split.tsv")
    write_table(tmp_path / "split.tsv", split[split["split"] != "validation"])
    assert validate(tmp_path / "scores.json", "--split-file", str(tmp_path / "split.tsv")) == 1
    assert "no sequence in the split 'validation'" in capsys.readouterr().err


def test_an_unreadable_frame_is_named_with_its_sequence(
    validate: Validate, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *_ = validation_sequences(tiny_results)
    folder = tiny_results / "dataset" / first
    frames = sequence.read_rgb(folder, 0, 17)
    sequence.write_sequence(tmp_path / "dataset" / first, frames, sequence.read_mask(folder, 0, 17), frames)
    Image.fromarray(frames[0, :16]).save(tmp_path / "dataset" / first / "GT_480" / "frame_00003.png")
    for workers in ("1", "2"):
        options = ["--dataset", str(tmp_path / "dataset"), "--workers", workers]
        assert validate(tmp_path / "scores.json", *options) == 1
        assert f"sequence {first}: its frames can't be read" in capsys.readouterr().err


def test_each_number_of_denoising_steps_is_scored(validate: Validate, tmp_path: Path) -> None:
    assert validate(tmp_path / "both.json", "--steps", "1,2", "--limit", "1") == 0
    assert validate(tmp_path / "two.json", "--limit", "1") == 0
    one, two = json.loads((tmp_path / "both.json").read_text())["runs"]
    assert (one["sampling_steps"], two["sampling_steps"]) == (1, 2)
    assert two["sequences"] == scores(tmp_path / "two.json")["sequences"] != one["sequences"]
    assert two["seconds_per_frame"] > 0


def test_worker_processes_change_no_score(validate: Validate, tmp_path: Path) -> None:
    options = ("--steps", "1,2")
    assert validate(tmp_path / "one.json", *options) == 0
    assert validate(tmp_path / "more.json", *options, "--workers", "2") == 0
    one, more = (json.loads((tmp_path / name).read_text())["runs"] for name in ("one.json", "more.json"))
    assert [run["sequences"] for run in one] == [run["sequences"] for run in more]


def test_only_new_and_changed_sequences_are_inpainted(
    validate: Validate, tiny_results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    out = tmp_path / "step-4.json"
    assert validate(out, "--limit", "1") == 0
    assert validate(out) == 0
    first = out.read_bytes()
    out.unlink()
    caplog.clear()
    assert validate(out) == 0
    assert "0 of 2 sequences are new or changed" in caplog.text
    assert "VAE in" not in caplog.text and "transformer" not in caplog.text
    assert out.read_bytes() == first, "durations included"
    manifest = read_table(tiny_results / "audit" / "manifest.parquet")
    manifest.loc[manifest["id"] == validation_sequences(tiny_results)[1], "digest"] = "changed"
    write_table(tmp_path / "manifest.parquet", manifest)
    assert validate(out, "--manifest", str(tmp_path / "manifest.parquet")) == 0
    assert validate(out, "--steps", "1,2") == 0
    said = re.findall(r"(\d of 2) sequences are new or changed", caplog.text)
    assert said == ["0 of 2", "1 of 2", "2 of 2"]


def test_the_loaded_model_predicts_what_the_trained_model_did(validate: Validate, tmp_path: Path) -> None:
    assert validate(tmp_path / "scores.json", "--limit", "1") == 0
    assert json.loads((tmp_path / "scores.json").read_text())["difference_to_training"] < 1e-5


def copy(training: Path, folder: Path) -> Path:
    return Path(shutil.copytree(training / "checkpoints" / "step-4", folder / "step-4"))


def without_sums(training: Path, folder: Path) -> Path:
    """A copy of the last checkpoint without digests of its files, as an earlier version wrote it."""
    return remove_sums(copy(training, folder))


@pytest.mark.parametrize(
    "name",
    [
        "adapter/inpainting.json",
        f"adapter/{LORA_FILE}",
        "adapter/widened.safetensors",
        "probe.safetensors",
        "state.json",
    ],
)
def test_a_flipped_bit_in_a_file_that_is_scored_is_named(
    validate: Validate, tiny_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    checkpoint = copy(tiny_training, tmp_path)
    flip_content_bit(checkpoint / name)
    assert validate(tmp_path / "scores.json", "--checkpoint", str(checkpoint)) == 1
    assert f"inpaint validate: {checkpoint / name} is damaged: its SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "scores.json").exists()


def test_a_flipped_bit_in_the_state_of_the_optimizer_does_not_matter_to_validation(
    validate: Validate, tiny_training: Path, tmp_path: Path
) -> None:
    checkpoint = copy(tiny_training, tmp_path)
    flip_content_bit(checkpoint / "optimizer.pt")
    assert validate(tmp_path / "scores.json", "--checkpoint", str(checkpoint), "--limit", "1") == 0


def test_a_checkpoint_whose_weights_changed_since_training_is_refused(
    validate: Validate, tiny_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = without_sums(tiny_training, tmp_path)
    weights = load_file(checkpoint / "adapter" / "widened.safetensors")
    save_file({name: 1.5 * tensor for name, tensor in weights.items()}, checkpoint / "adapter" / "widened.safetensors")
    assert validate(tmp_path / "scores.json", "--checkpoint", str(checkpoint)) == 1
    assert "from the trained model's" in capsys.readouterr().err
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("state.json", b"{}", "state.json is damaged or of another kind"),
        ("probe.safetensors", b"", "probe.safetensors is missing or damaged"),
        ("adapter/widened.safetensors", b"half", "widened.safetensors is damaged"),
        ("adapter/inpainting.json", None, "is not an adapter: inpainting.json missing"),
    ],
)
def test_a_damaged_checkpoint_is_named(
    validate: Validate,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    said: str,
) -> None:
    checkpoint = without_sums(tiny_training, tmp_path)
    (checkpoint / name).unlink()
    if content is not None:
        (checkpoint / name).write_bytes(content)
    assert validate(tmp_path / "scores.json", "--checkpoint", str(checkpoint)) == 1
    assert said in capsys.readouterr().err


def test_a_weight_that_is_not_finite_and_a_checkpoint_under_another_name_are_refused(
    validate: Validate, tiny_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = without_sums(tiny_training, tmp_path)
    path = checkpoint / "adapter" / "widened.safetensors"
    weights = load_file(path)
    save_file({**weights, "patch_embed.proj.bias": weights["patch_embed.proj.bias"] * np.inf}, path)
    assert validate(tmp_path / "scores.json", "--checkpoint", str(checkpoint)) == 1
    assert "patch_embed.proj.bias is not finite" in capsys.readouterr().err
    renamed = Path(shutil.copytree(tiny_training / "checkpoints" / "step-4", tmp_path / "step-9"))
    assert validate(tmp_path / "scores.json", "--checkpoint", str(renamed)) == 1
    assert "holds a checkpoint of step 4" in capsys.readouterr().err
