"""Which files of which checkpoints are kept."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from inpainting.cli import main
from inpainting.stages.training import checkpoints
from trainings import checkpoint_files

Arguments = Callable[..., list[str]]


def test_all_checkpoints_keep_their_adapters_and_the_last_ones_can_be_resumed(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--steps", "5", "--save-every", "1", "--ema-decay", "0.5", "--keep-last", "2"]
    assert main(training_arguments(tmp_path, *options)) == 0
    every = checkpoints.found(tmp_path / "checkpoints")
    assert [one.step for one in every] == [1, 2, 3, 4, 5]
    assert all(one.adapter.is_dir() for one in every)
    assert [one.step for one in every if one.optimizer.exists()] == [4, 5]
    assert [one.step for one in every if one.trained.exists()] == [4, 5]
    before = checkpoint_files(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "step-5")
    assert main(training_arguments(tmp_path, *options)) == 0
    assert checkpoint_files(tmp_path) == before
    shutil.rmtree(tmp_path / "checkpoints" / "step-2")
    assert main(training_arguments(tmp_path, *options)) == 1
    assert "no run can resume from those before it" in capsys.readouterr().err
    assert main(training_arguments(tmp_path, *options, "--on-change", "restart")) == 0
    assert checkpoint_files(tmp_path) == before
