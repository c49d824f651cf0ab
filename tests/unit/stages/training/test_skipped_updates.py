"""Steps whose latents or fp16 gradients are not finite: skipped, counted and, in the end, an error."""

import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from inpainting.artifacts.latents import LatentCache, Window
from inpainting.cli import main, parse
from inpainting.core import provenance
from inpainting.core.errors import InputError
from inpainting.core.files import folder_digest
from inpainting.models import lora
from inpainting.stages.training.loop import Run
from inpainting.stages.training.metrics_logger import MetricsLogger
from inpainting.stages.training.preemption import Stop
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.skipped_updates import MAX_SKIPPED_IN_A_ROW
from inpainting.stages.training.train import adapter_config
from inpainting.stages.training.transformer import prepare_transformer
from trainings import metrics_rows

Arguments = Callable[..., list[str]]


@pytest.fixture
def damaged(
    tiny_results: Path, write_latents: Callable[[list[Window]], Path]
) -> Callable[[Collection[int] | None], Path]:
    """Writes the tiny latents with infinity in some windows, or in all, and returns the index."""

    def damaged(numbers: Collection[int] | None) -> Path:
        cache = LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")
        windows = [cache[number] for number in range(len(cache))]
        return write_latents(
            [
                replace(w, condition=w.condition * math.inf) if numbers is None or number in numbers else w
                for number, w in enumerate(windows)
            ]
        )

    return damaged


def test_a_batch_of_latents_that_are_not_finite_is_skipped_with_a_warning_that_names_the_sequence(
    training_arguments: Arguments,
    damaged: Callable[[Collection[int] | None], Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    index = damaged([3])
    windows = LatentCache(index, "train")
    options = ["--index", str(index), "--batch-size", "1", "--steps", str(len(windows)), "--save-every", "100"]
    assert main(training_arguments(tmp_path, *options)) == 0
    skipped = [row["step"] for row in metrics_rows(tmp_path) if row["skipped_updates"]]
    assert len(skipped) == 1, "each window is in one step of an epoch"
    assert f"step {skipped[0]}: skipped, because cached latents of {windows[3].sequence} hold" in caplog.text
    assert "`inpaint encode --vae-dtype float32`" in caplog.text
    assert all(math.isfinite(row["loss"]) == (not row["skipped_updates"]) for row in metrics_rows(tmp_path))


def test_a_run_with_a_skipped_step_resumes_bit_identical(
    training_arguments: Arguments, damaged: Callable[[Collection[int] | None], Path], tmp_path: Path
) -> None:
    index = damaged([3])
    steps = str(len(LatentCache(index, "train")))
    options = ["--index", str(index), "--batch-size", "1", "--steps", steps, "--save-every", "1", "--keep-last", "100"]
    options += ["--ema-decay", "0.9"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    (skipped,) = [row["step"] for row in metrics_rows(tmp_path / "whole") if row["skipped_updates"]]
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    for step in range(skipped, int(steps) + 1):
        shutil.rmtree(tmp_path / "resumed" / "checkpoints" / f"step-{step}")
    assert main(training_arguments(tmp_path / "resumed", *options)) == 0
    whole, resumed = (folder_digest(tmp_path / name / "checkpoints") for name in ("whole", "resumed"))
    assert resumed == whole


def test_training_stops_when_no_batch_has_finite_latents(
    training_arguments: Arguments,
    damaged: Callable[[Collection[int] | None], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--index", str(damaged(None)), "--steps", "1000"]
    assert main(training_arguments(tmp_path, *options)) == 1
    message = capsys.readouterr().err
    assert f"step {MAX_SKIPPED_IN_A_ROW}: skipped" in message
    assert f"as were {MAX_SKIPPED_IN_A_ROW - 1} steps before it" in message
    assert not (tmp_path / "training.json").exists()


@pytest.mark.slow
def test_all_processes_skip_a_batch_if_one_has_latents_that_are_not_finite(
    training_arguments: Arguments, damaged: Callable[[Collection[int] | None], Path], tmp_path: Path
) -> None:
    arguments = training_arguments(tmp_path, "--index", str(damaged([3])), "--steps", "7", "--processes", "2")
    subprocess.run([sys.executable, "-m", "inpainting.cli", *arguments], check=True, timeout=600)
    assert [row["skipped_updates"] for row in metrics_rows(tmp_path)].count(1) == 1, "7 batches of 2 are one epoch"


def fp16_run(settings: TrainCommand) -> Run:
    """A run with fp16's GradScaler, in float32 otherwise, as it is on the CPU."""
    accelerator = Accelerator(cpu=True)
    accelerator.scaler = torch.amp.GradScaler("cpu")
    assert settings.index is not None
    cache, config = LatentCache(settings.index, "train"), adapter_config(settings)
    float32 = settings.model_copy(update={"dtype": "float32"})
    transformer = prepare_transformer(float32, config, cache, accelerator, None)
    metadata = {"fingerprint": {}, "windows": 1, "trainable_weights": 1, "provenance": provenance.describe({}, {})}
    return Run(settings, accelerator, transformer, lora.trainable_parameters(transformer), cache, config, metadata)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_training_stops_when_fp16_gradients_are_not_finite_at_every_loss_scale(
    training_arguments: Arguments, tmp_path: Path, dtype: str
) -> None:
    precision = ["--mixed-precision", "fp16", "--dtype", dtype, "--steps", "1000", "--save-every", "1000"]
    settings = parse("train", training_arguments(tmp_path, *precision)[1:])
    assert isinstance(settings, TrainCommand)
    run = fp16_run(settings)
    run.parameters[-1].register_hook(lambda gradient: gradient * math.nan)
    before = [parameter.detach().clone() for parameter in run.parameters]
    metrics = MetricsLogger(tmp_path, 0, settings.steps, settings.outside_weight, run.family.timesteps)
    with pytest.raises(InputError, match="updates in a row were skipped, because the fp16 gradients") as error:
        run.train(None, metrics, Stop(None, {}))
    assert len(metrics_rows(tmp_path)) < MAX_SKIPPED_IN_A_ROW
    assert all(row["skipped_updates"] == 1 for row in metrics_rows(tmp_path))
    assert all(torch.equal(*pair) for pair in zip(before, run.parameters, strict=True))
    advice = ". --dtype bfloat16 --mixed-precision bf16" if dtype == "float16" else ". --mixed-precision bf16"
    assert advice in str(error.value), "bf16 is refused beside float16 weights"


def test_one_skipped_fp16_update_among_others_is_counted_and_training_continues(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    settings = parse("train", training_arguments(tmp_path, "--save-every", "1000", "--steps", "3")[1:])
    assert isinstance(settings, TrainCommand)
    run, calls = fp16_run(settings), []

    def overflow_once(gradient: torch.Tensor) -> torch.Tensor:
        calls.append(gradient)
        return gradient * (math.inf if len(calls) == 1 else 1)

    run.parameters[-1].register_hook(overflow_once)
    metrics = MetricsLogger(tmp_path, 0, settings.steps, settings.outside_weight, run.family.timesteps)
    run.train(None, metrics, Stop(None, {}))
    assert [row["skipped_updates"] for row in metrics_rows(tmp_path)] == [1, 0, 0]
    assert [math.isfinite(row["grad_norm"]) for row in metrics_rows(tmp_path)] == [False, True, True]
