"""A dry run says what a training would be, and leaves no trace."""

import re
from collections.abc import Callable
from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from inpainting.core.files import folder_digest

Arguments = Callable[..., list[str]]


def test_a_dry_run_tells_settings_model_weights_shapes_loss_and_memory_and_writes_nothing(
    training_arguments: Arguments, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = folder_digest(tiny_results)
    options = ["--dry-run", "--micro-batch-size", "2", "--ema-decay", "0.9", "--gradient-checkpointing", "true"]
    assert main(training_arguments(tmp_path / "run", *options)) == 0
    assert not list(tmp_path.iterdir())
    assert folder_digest(tiny_results) == before
    printed = capsys.readouterr().out
    assert "learning_rate: 0.01\n" in printed
    assert "2 blocks, 32 wide, 33 channels in, 16 out" in printed
    assert re.search(r"attn1.to_q.lora_A +2x32 +2 +128\n", printed)
    assert "  truth      float32  2x3x16x4x4\n" in printed
    assert "  mask       float32  2x3x1x4x4\n" in printed
    assert re.search(r"blocks: attn1 +9,600 +0\.0 +1,024 +10\.67%", printed)
    assert re.search(r"^2: .+ s; loss .+, gradient norm", printed, re.MULTILINE)
    assert "moving average" in printed.partition("counted for a training")[2]


def test_a_dry_run_does_not_change_an_existing_run(
    training_arguments: Arguments, tiny_training: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = folder_digest(tiny_training)
    assert main(training_arguments(tiny_training, "--dry-run", "--rank", "3", "--on-change", "restart")) == 0
    assert folder_digest(tiny_training) == before
    assert "rank: 3\n" in capsys.readouterr().out


def test_a_dry_run_says_that_the_training_would_refuse_the_run_in_its_folder(
    training_arguments: Arguments, tiny_training: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(training_arguments(tiny_training, "--dry-run")) == 0
    assert "holds a run of other settings" not in caplog.text
    assert main(training_arguments(tiny_training, "--dry-run", "--rank", "3")) == 0
    assert f"{tiny_training} holds a run of other settings (rank: 2 before, 3 now)" in caplog.text


def test_without_an_index_random_latents_of_the_size_are_tried_with_the_same_model(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--frame-size", "60x32", "--region", "mask_and_effect", "--gradient-checkpointing", "auto"]
    assert main(commands.try_training(tiny_base, tmp_path / "run", *options, "--processes", "2")) == 0
    assert not list(tmp_path.iterdir())
    printed = capsys.readouterr().out
    assert "2 blocks, 32 wide, 33 channels in, 16 out" in printed
    assert "pass 1 of 1: random\n  truth      float32  1x3x16x4x8\n" in printed, "one process's part of the batch"
    assert "gradient checkpointing is on (auto: " in printed


def test_a_training_needs_the_index_that_a_dry_run_does_without(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*commands.try_training(tiny_base, tmp_path), "--no-dry-run"]) == 2
    assert "--index: none was given; give the index that `inpaint index` wrote" in capsys.readouterr().err
