"""Training from the command line: what it writes, how it resumes and what it refuses."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import commands
import pytest
import torch
from inpainting.artifacts.latents import LatentCache, Window
from inpainting.artifacts.prompt import write_prompt
from inpainting.cli import main
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.core.files import file_digest, read_table
from inpainting.models.adapter_files import adapter_digest
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline
from inpainting.stages.training import checkpoints
from safetensors.torch import load_file
from trainings import checkpoint_files, metrics_rows

Arguments = Callable[..., list[str]]
WriteLatents = Callable[[list[Window]], Path]


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return load_file(checkpoint / "adapter" / "pytorch_lora_weights.safetensors") | load_file(
        checkpoint / "adapter" / "widened.safetensors"
    )


def process(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "inpainting.cli", *arguments])


def test_a_training_leaves_its_checkpoints_its_metrics_and_its_summary(tiny_training: Path, tiny_results: Path) -> None:
    summary = json.loads((tiny_training / "training.json").read_text())
    assert summary["provenance"]["inputs"]["split_file"] == file_digest(tiny_results / "audit" / "split.tsv")
    last = tiny_training / "checkpoints" / "step-4" / "adapter"
    assert summary["provenance"]["inputs"]["adapter"] == adapter_digest(last), "so that Snakemake sees new weights"
    assert summary["checkpoints"] == [2, 4]
    assert sorted(path.name for path in (tiny_training / "checkpoints").iterdir()) == ["step-2", "step-4"]
    assert [row["step"] for row in metrics_rows(tiny_training)] == [1, 2, 3, 4]
    assert list((tiny_training / "tensorboard").iterdir())
    table = read_table(tiny_training / "trainable.tsv")
    assert summary["trainable_weights"] == table["weights"].sum()
    assert all(row["loss"] > 0 and row["grad_norm"] > 0 for row in metrics_rows(tiny_training))


def test_a_row_tells_the_loss_in_the_mask_by_ranges_of_timesteps_too(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    options = ["--steps", "3", "--log-every", "3", "--high-noise-share", "1.0", "--batch-size", "6"]
    assert main(training_arguments(tmp_path, *options)) == 0
    (row,) = [row for row in metrics_rows(tmp_path) if row["step"] == 3]
    ranges = [row[name] for name in row if name.startswith("loss_mask_t")]
    assert {name for name in row if name.startswith("loss_mask_t")} <= {f"loss_mask_t{t}00" for t in (7, 8, 9)}
    assert min(ranges) <= row["loss_mask"] <= max(ranges)


def test_every_trained_tensor_has_moved_and_the_new_channels_too(tiny_training: Path) -> None:
    before, after = (weights(tiny_training / "checkpoints" / f"step-{step}") for step in (2, 4))
    assert before.keys() == after.keys()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    new_channels = after["patch_embed.proj.weight"][:, 16:]
    assert new_channels.abs().amax(dim=(0, 2, 3)).gt(0).all()


def test_the_loss_falls(training_arguments: Arguments, tmp_path: Path) -> None:
    options = ["--steps", "40", "--save-every", "40", "--rank", "4", "--log-every", "8"]
    assert main(training_arguments(tmp_path, *options)) == 0
    losses = [row["loss_mask"] for row in metrics_rows(tmp_path)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_same_seed_trains_the_same_adapter_and_another_another(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    assert main(training_arguments(tmp_path / "same")) == 0
    assert checkpoint_files(tmp_path / "same") == checkpoint_files(tiny_training)
    assert main(training_arguments(tmp_path / "other", "--seed", "1")) == 0
    assert checkpoint_files(tmp_path / "other") != checkpoint_files(tiny_training)


@pytest.mark.parametrize("base_weights", ["pretrained", "random"])
def test_an_adapter_says_what_weights_it_was_trained_on_and_is_used_on_these(
    training_arguments: Arguments, tmp_path: Path, base_weights: str
) -> None:
    out = tmp_path / base_weights
    assert main(training_arguments(out, "--base-weights", base_weights, "--steps", "2")) == 0
    folder = out / "checkpoints" / "step-2" / "adapter"
    config = read_adapter_config(folder)
    assert (config.random_base is None) == (base_weights == "pretrained")
    model = InferenceSettings(base=config.base, device="cpu")
    used = load_pipeline(model, folder).transformer
    own = load_file(Path(config.base) / "transformer" / "diffusion_pytorch_model.safetensors")
    name = "transformer_blocks.0.attn1.to_q"
    same = torch.equal(used.get_parameter(f"{name}.base_layer.weight"), own[f"{name}.weight"].float())
    assert same == (base_weights == "pretrained")


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant_with_warmup"])
def test_the_rates_follow_the_closed_form_at_every_step(
    training_arguments: Arguments, tmp_path: Path, schedule: str
) -> None:
    steps, warmup = 12, 4
    options = ["--schedule", schedule, "--steps", str(steps), "--warmup-steps", str(warmup), "--save-every", "5"]
    assert main(training_arguments(tmp_path, *options)) == 0
    for number, row in enumerate(metrics_rows(tmp_path)):
        assert row["step"] == number + 1
        left = (steps - number) / (steps - warmup)
        falling = {"cosine": (1 - math.cos(math.pi * left)) / 2, "linear": left, "constant_with_warmup": 1.0}
        factor = number / warmup if number < warmup else falling[schedule]
        assert row["rate_lora"] == pytest.approx(0.01 * factor, abs=1e-12)
        assert row["rate_patch"] == pytest.approx(0.02 * factor, abs=1e-12)


def test_conditions_of_another_fill_than_the_trainings_are_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--fill", "telea")) == 2
    message = capsys.readouterr().err
    assert (
        "index-grey.parquet holds conditions of 'grey'; --conditioning concat and --fill telea need 'telea'" in message
    )


@pytest.mark.parametrize(
    ("option", "given", "encoded"),
    [
        ("--mask-dilation", "5", "2"),
        ("--mask-union", "3", "0"),
        ("--mask-threshold", "1", "128"),
        ("--window", "17", "9"),
    ],
)
def test_latents_of_other_masks_or_windows_than_the_trainings_are_refused(
    training_arguments: Arguments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    given: str,
    encoded: str,
) -> None:
    assert main(training_arguments(tmp_path, option, given)) == 2
    message = capsys.readouterr().err
    assert f"{option}: {given} was given, but" in message and f"were encoded with {encoded}; give" in message


def test_the_prompt_of_a_base_with_another_text_encoder_is_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_prompt(tmp_path / "prompt.safetensors", torch.zeros(1, 4, 16))
    assert main(training_arguments(tmp_path / "run", "--prompt-file", str(tmp_path / "prompt.safetensors"))) == 2
    assert "prompt.safetensors has 4 tokens of width 16, but" in capsys.readouterr().err


def test_latents_of_another_vae_than_the_bases_are_refused(
    tiny_base: Path, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    config = base / "vae" / "config.json"
    config.write_text(config.read_text().replace('"scaling_factor": 1.7', '"scaling_factor": 0.7'))
    assert main(commands.train(base, tiny_results, tmp_path / "run")) == 2
    assert "is of latents of another VAE than" in capsys.readouterr().err


def test_an_absurd_rate_stops_before_a_checkpoint_holds_what_is_not_finite(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--learning-rate", "1e30", "--patch-learning-rate", "1e30", "--warmup-steps", "0", "--save-every", "1"]
    assert main(training_arguments(tmp_path, *options)) == 1
    message = capsys.readouterr().err
    last = checkpoints.latest(checkpoints.found(tmp_path / "checkpoints"))
    assert last is not None
    assert f"step {last.step + 1}: the " in message and "is not finite, on " in message
    assert "A lower --learning-rate may help; with --on-change continue the training then goes on from" in message
    assert str(last.folder) in message
    assert all(torch.isfinite(tensor).all() for tensor in weights(last.folder).values())


def test_half_precision_base_weights_need_their_own_mixed_precision(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--dtype", "bfloat16")) == 2
    assert "needs bf16" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--batch-size", "2", "--micro-batch-size", "3"], "--micro-batch-size: 3 was given with a batch_size of 2"),
        (["--steps", "4", "--warmup-steps", "4"], "--warmup-steps: 4 was given with 4 steps"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    training_arguments: Arguments,
    tmp_path: Path,
    options: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(training_arguments(tmp_path, *options)) == 2
    assert sentence in capsys.readouterr().err


def test_windows_of_several_sizes_do_not_share_a_forward_pass(
    training_arguments: Arguments,
    tiny_results: Path,
    write_latents: WriteLatents,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cache = LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")
    windows = [cache[number] for number in range(3)]
    wide = windows[0]
    windows[0] = Window(
        wide.sequence,
        wide.start,
        wide.truth.repeat(1, 1, 1, 2),
        wide.condition.repeat(1, 1, 1, 2),
        wide.hole.repeat(2, 2),
    )
    index = str(write_latents(windows))
    assert main(training_arguments(tmp_path / "a", "--index", index, "--micro-batch-size", "2")) == 2
    assert "the windows differ in size (64x32, 32x32)" in capsys.readouterr().err
    assert main(training_arguments(tmp_path / "b", "--index", index)) == 0


def wait_for(path: Path, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 600
    while not path.exists():
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_run_ends_as_if_it_had_never_been_killed(training_arguments: Arguments, tmp_path: Path) -> None:
    options = ["--steps", "60", "--save-every", "5", "--gradient-checkpointing", "true"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    for step in (10, 35):
        running = process(training_arguments(tmp_path / "killed", *options))
        wait_for(tmp_path / "killed" / "checkpoints" / f"step-{step}", running)
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "training.json").exists()
    assert main(training_arguments(tmp_path / "killed", *options)) == 0
    assert checkpoint_files(tmp_path / "killed") == checkpoint_files(tmp_path / "whole")
    assert [row["step"] for row in metrics_rows(tmp_path / "killed")] == list(range(1, 61))


IN_BFLOAT16 = """
import json, shutil, sys
from inpainting.cli import main
whole, resumed, checkpoint = json.loads(sys.argv[1])
assert main(whole) == main(resumed) == 0
shutil.rmtree(checkpoint)
assert main(resumed) == 0
"""


@pytest.mark.slow
def test_a_run_on_a_bfloat16_base_resumes_bit_identical(training_arguments: Arguments, tmp_path: Path) -> None:
    """In a process of its own, since accelerate keeps a process to one precision."""
    options = ["--dtype", "bfloat16", "--mixed-precision", "bf16"]
    commands = [training_arguments(tmp_path / name, *options) for name in ("whole", "resumed")]
    arguments = json.dumps([*commands, str(tmp_path / "resumed" / "checkpoints" / "step-4")])
    subprocess.run([sys.executable, "-c", IN_BFLOAT16, arguments], check=True)
    assert checkpoint_files(tmp_path / "resumed") == checkpoint_files(tmp_path / "whole")
    saved = weights(tmp_path / "whole" / "checkpoints" / "step-4")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    assert any(not torch.equal(tensor, tensor.bfloat16().float()) for tensor in saved.values())
