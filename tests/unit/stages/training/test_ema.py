"""The moving average of the trained weights is computed, exported and resumed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from inpainting.cli import main
from inpainting.stages.training.ema import EmaWeights
from safetensors.torch import load_file
from torch.nn import Parameter
from trainings import checkpoint_files

Arguments = Callable[..., list[str]]
DECAY = 0.6


def moved(average: EmaWeights, updates: int) -> list[torch.Tensor]:
    """Random updates of the weights that are averaged; returns the weights after each."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(updates):
        average.parameters["w"].data.copy_(torch.randn(3, generator=generator))
        average.update()
        found.append(average.parameters["w"].detach().clone())
    return found


def test_the_average_follows_the_closed_form_of_its_warm_up() -> None:
    average = EmaWeights({"w": Parameter(torch.zeros(3))}, DECAY)
    weights = moved(average, 30)
    expected = weights[0].double()
    for number, weight in enumerate(weights[1:], start=2):
        decay = min(DECAY, number / (number + 9))
        expected = decay * expected + (1 - decay) * weight.double()
    with average.in_place():
        torch.testing.assert_close(average.parameters["w"].double(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(average.parameters["w"], weights[-1])


def test_a_decay_of_0_leaves_the_weights_as_they_are(tmp_path: Path) -> None:
    average = EmaWeights({"w": Parameter(torch.zeros(3))}, 0.0)
    last = moved(average, 3)[-1]
    with average.in_place():
        assert torch.equal(average.parameters["w"], last)
    average.save_trained(tmp_path / "trained.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_weights_come_back_where_exporting_the_average_fails() -> None:
    average = EmaWeights({"w": Parameter(torch.zeros(3))}, DECAY)
    last = moved(average, 3)[-1]
    with pytest.raises(OSError, match="disk"), average.in_place():
        raise OSError("disk full")
    assert torch.equal(average.parameters["w"], last)


def exported(out: Path, step: int) -> dict[str, torch.Tensor]:
    adapter = out / "checkpoints" / f"step-{step}" / "adapter"
    lora = load_file(adapter / "pytorch_lora_weights.safetensors")
    named = {k.removeprefix("transformer.").replace(".weight", ".default.weight"): v for k, v in lora.items()}
    return named | load_file(adapter / "widened.safetensors")


def test_the_average_of_the_trained_weights_is_exported_and_does_not_affect_the_training(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    every = ["--save-every", "1", "--keep-last", "4"]
    assert main(training_arguments(tmp_path / "plain", *every)) == 0
    assert main(training_arguments(tmp_path / "averaged", *every, "--ema-decay", "0.5")) == 0
    expected = exported(tmp_path / "plain", 1)
    for step in range(1, 5):
        plain = exported(tmp_path / "plain", step)
        trained = load_file(tmp_path / "averaged" / "checkpoints" / f"step-{step}" / "trained.safetensors")
        assert trained.keys() == plain.keys()
        assert all(torch.equal(trained[name], plain[name]) for name in plain)
        decay = min(0.5, step / (step + 9)) if step > 1 else 0.0
        expected = {name: decay * expected[name] + (1 - decay) * plain[name] for name in plain}
        torch.testing.assert_close(exported(tmp_path / "averaged", step), expected, rtol=1e-5, atol=1e-7)


def test_a_resumed_run_continues_the_same_average(training_arguments: Arguments, tmp_path: Path) -> None:
    options = ["--ema-decay", "0.9", "--steps", "5"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    for step in (4, 5):
        shutil.rmtree(tmp_path / "resumed" / "checkpoints" / f"step-{step}")
    assert main(training_arguments(tmp_path / "resumed", *options)) == 0
    assert checkpoint_files(tmp_path / "resumed") == checkpoint_files(tmp_path / "whole")
    last = exported(tmp_path / "whole", 5)
    trained = load_file(tmp_path / "whole" / "checkpoints" / "step-5" / "trained.safetensors")
    assert any(not torch.equal(last[name], trained[name]) for name in last)
