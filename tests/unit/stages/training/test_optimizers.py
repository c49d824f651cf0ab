"""Optimizers, their groups of weights, and the rates of every group at every update."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from inpainting.cli import main
from inpainting.stages.training.optimizers import current_rates, make_optimizer, make_schedule
from inpainting.stages.training.settings import OptimizerSettings
from torch.nn import Parameter
from trainings import checkpoint_files

Arguments = Callable[..., list[str]]
STEPS, WARMUP, CYCLES, POWER, LORA, PATCH = 23, 5, 3, 2.0, 0.01, 0.03


def parameters() -> dict[str, Parameter]:
    """Two matrices and a vector of LoRA, and a patch embedding."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "block.to_q.lora_A.default.weight": (2, 12),
        "block.to_q.lora_B.default.weight": (12, 2),
        "block.to_q.lora_magnitude_vector.default.weight": (12,),
        "patch_embed.proj.weight": (12, 5, 2, 2),
        "patch_embed.proj.bias": (12,),
    }
    return {name: Parameter(torch.randn(shape, generator=generator)) for name, shape in shapes.items()}


def settings(**values: Any) -> OptimizerSettings:
    given = {"steps": STEPS, "warmup_steps": WARMUP, "learning_rate": LORA, "patch_learning_rate": PATCH}
    return OptimizerSettings(**{**given, **values})


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (50, 5), (999, 99), (1000, 100), (20000, 100)])
def test_the_default_warm_up_is_a_tenth_of_the_steps_and_100_at_most(steps: int, warmup: int) -> None:
    assert OptimizerSettings(steps=steps).warmup_steps == warmup


def left_after(step: int) -> float:
    """Share of the updates after the warm-up that is left."""
    return (STEPS - step) / (STEPS - WARMUP)


FACTORS: dict[str, Callable[[int], float]] = {
    "cosine": lambda step: (1 + math.cos(math.pi * (1 - left_after(step)))) / 2,
    "cosine_with_restarts": lambda step: (1 + math.cos(math.pi * ((CYCLES * (1 - left_after(step))) % 1))) / 2,
    "linear": left_after,
    "polynomial": lambda step: ((LORA - 1e-7) * left_after(step) ** POWER + 1e-7) / LORA,
    "constant_with_warmup": lambda step: 1.0,
}


@pytest.mark.parametrize("schedule", [*FACTORS, "constant"])
def test_the_rate_of_every_group_follows_the_closed_form_at_every_update(schedule: str) -> None:
    chosen = settings(schedule=schedule, schedule_cycles=CYCLES, schedule_power=POWER)
    made = make_optimizer(parameters(), chosen)
    rates = make_schedule(made, chosen)
    for step in range(STEPS):
        factor = (
            step / WARMUP if step < WARMUP and schedule != "constant" else FACTORS.get(schedule, lambda _: 1.0)(step)
        )
        for group in made.param_groups:
            assert group["lr"] == pytest.approx(factor * {"lora": LORA, "patch": PATCH}[group["name"]], abs=1e-15)
        expected = {"rate_lora": LORA * factor, "rate_patch": PATCH * factor}
        assert current_rates(made) == pytest.approx(expected, abs=1e-15)
        made.step()
        rates.step()


def test_prodigy_finds_the_rate_of_each_group_by_itself() -> None:
    far, near = Parameter(torch.tensor([1.0])), Parameter(torch.tensor([[[[0.01]]]]))
    chosen = settings(optimizer="prodigy", learning_rate=1.0, patch_learning_rate=1.0, schedule="constant", steps=300)
    made = make_optimizer({"a.lora_A.default.weight": far, "patch_embed.proj.weight": near}, chosen)
    for _ in range(300):
        made.zero_grad()
        (far.square().sum() + near.square().sum()).backward()
        made.step()
    assert far.abs().max() < 0.2
    assert near.abs().max() < 0.002
    rates = current_rates(made)
    assert rates["rate_lora"] > 5 * rates["rate_patch"] > 1e-4, rates


def test_prodigy_with_a_rate_meant_for_adamw_is_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--optimizer", "prodigy", "--learning-rate", "0.0001", "--patch-learning-rate", "1"]
    assert main(training_arguments(tmp_path, *options)) == 2
    assert "--learning-rate: 0.0001 was given with the optimizer prodigy" in capsys.readouterr().err


def test_a_run_with_prodigy_resumes_bit_identical(training_arguments: Arguments, tmp_path: Path) -> None:
    options = ["--optimizer", "prodigy", "--learning-rate", "0.5", "--patch-learning-rate", "0.25"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "step-4")
    assert main(training_arguments(tmp_path / "resumed", *options)) == 0
    assert checkpoint_files(tmp_path / "resumed") == checkpoint_files(tmp_path / "whole")
