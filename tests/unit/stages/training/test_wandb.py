"""Weights & Biases: offline where it is installed, a sentence where it is not."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from inpainting.cli import main


def test_rows_go_to_weights_and_biases_where_it_is_installed_and_it_is_named_where_not(
    training_arguments: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    installed = importlib.util.find_spec("wandb") is not None
    code = main(training_arguments(tmp_path / "run", "--wandb-project", "inpainting"))
    assert code == (0 if installed else 2)
    files = list(tmp_path.glob("run/wandb/offline-run-*/*.wandb"))
    if not installed:
        assert "`pip install wandb`" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()
        return
    (file,) = files
    assert b"training/loss_mask" in file.read_bytes()
