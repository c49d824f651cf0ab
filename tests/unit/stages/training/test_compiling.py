"""Compiled training: the same as without, but for rounding."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from inpainting.cli import main
from safetensors.torch import load_file

Arguments = Callable[..., list[str]]


def test_without_a_compiler_it_says_what_is_missing(
    training_arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert main(training_arguments(tmp_path, "--compile")) == 2
    assert "needs a C++ compiler, and no-such-compiler was not found" in capsys.readouterr().err


def test_compiled_blocks_and_a_base_in_shares_are_refused_together(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--compile", "--shard-base")) == 2
    assert "--compile: it can't be combined with --shard-base" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="needs a C++ compiler")
def test_compiled_blocks_train_what_the_others_do_and_resume_bit_identical_beside_previews(
    training_arguments: Arguments, tiny_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Kernels that were compiled before, perhaps for another CPU, could end this process.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    options = ["--batch-size", "2", "--micro-batch-size", "2", "--gradient-checkpointing", "true"]
    previews = ["--preview-every", "3", "--preview-sequences", "1", "--preview-steps", "1"]
    previews += ["--dataset", str(tiny_results / "dataset"), "--manifest", str(tiny_results / "audit/manifest.parquet")]
    assert main(training_arguments(tmp_path / "eager", *options)) == 0
    assert main(training_arguments(tmp_path / "compiled", *options, "--compile", *previews)) == 0
    shutil.copytree(tmp_path / "compiled", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "step-4")
    assert main(training_arguments(tmp_path / "resumed", *options, "--compile")) == 0
    eager, compiled, resumed = (tmp_path / name / "checkpoints/step-4" for name in ("eager", "compiled", "resumed"))
    for name in ("pytorch_lora_weights.safetensors", "widened.safetensors"):
        assert (resumed / "adapter" / name).read_bytes() == (compiled / "adapter" / name).read_bytes()
        ours, theirs = load_file(compiled / "adapter" / name), load_file(eager / "adapter" / name)
        assert ours.keys() == theirs.keys()
        assert all((ours[key] - theirs[key]).norm() < 1e-4 * theirs[key].norm() for key in theirs)
    assert (resumed / "optimizer.pt").read_bytes() == (compiled / "optimizer.pt").read_bytes()
