"""The noise, the velocity and the gradients of a training step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from diffusers import CogVideoXDDIMScheduler
from inpainting.artifacts.latents import LatentCache
from inpainting.cli import parse
from inpainting.conditioning.mask_inputs import AREA
from inpainting.models import bases, loading, lora
from inpainting.models.widening import widen_patch_embedding
from inpainting.stages.training.batches import Batch, Batches
from inpainting.stages.training.loop import Run, add_noise_and_target
from inpainting.stages.training.loss import min_snr_weights
from inpainting.stages.training.settings import AugmentationSettings, LossSettings, TrainCommand
from inpainting.stages.training.train import adapter_config
from torch import Tensor


@pytest.fixture
def schedule(tiny_base: Path) -> CogVideoXDDIMScheduler:
    """The tiny base's noise schedule, which is CogVideoX-2b's."""
    return loading.load_scheduler(str(tiny_base))


def batch(timesteps: Tensor) -> Batch:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn((len(timesteps), 3, 16, 4, 4), generator=generator)
    drawn = torch.randn(truth.shape, generator=generator)
    mask = torch.ones(len(timesteps), 3, 1, 4, 4)
    return Batch(truth, truth, mask, mask, drawn, timesteps, ("",) * len(timesteps))


def test_noise_and_velocity_are_those_of_the_paper_in_float32(schedule: CogVideoXDDIMScheduler) -> None:
    part = batch(torch.tensor([0, 1, 500, 998, 999]))
    noisy, velocity = add_noise_and_target(schedule, part)
    assert noisy.dtype == velocity.dtype == torch.float32
    alpha_bar = schedule.alphas_cumprod.double()[part.timesteps].view(-1, 1, 1, 1, 1)
    truth, drawn = part.truth.double(), part.noise.double()
    torch.testing.assert_close(
        noisy.double(), alpha_bar.sqrt() * truth + (1 - alpha_bar).sqrt() * drawn, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(
        velocity.double(), alpha_bar.sqrt() * drawn - (1 - alpha_bar).sqrt() * truth, rtol=1e-5, atol=1e-6
    )


def test_at_t_999_there_is_nothing_but_noise(schedule: CogVideoXDDIMScheduler) -> None:
    part = batch(torch.tensor([999, 999]))
    noisy, velocity = add_noise_and_target(schedule, part)
    assert torch.equal(noisy, part.noise)
    assert torch.equal(velocity, -part.truth)


def test_the_velocity_loss_is_the_truths_loss_over_one_minus_alpha_bar(schedule: CogVideoXDDIMScheduler) -> None:
    """The public example's weighting, for a model whose output is a velocity."""
    times = torch.tensor([5, 250, 600, 900, 999])
    part = batch(times)
    part = replace(part, truth=part.truth.double(), noise=part.noise.double())
    noisy, velocity = add_noise_and_target(schedule, part)
    predicted = torch.randn(velocity.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    alpha_bar = schedule.alphas_cumprod.double()[times].view(-1, 1, 1, 1, 1)
    predicted_truth = alpha_bar.sqrt() * noisy - (1 - alpha_bar).sqrt() * predicted
    weighted = (predicted_truth - part.truth).square() / (1 - alpha_bar)
    torch.testing.assert_close((predicted - velocity).square(), weighted, rtol=1e-4, atol=1e-6)


def run(arguments: list[str], cache: LatentCache, *options: str) -> Run:
    """A run that has not begun, with LoRA's B moved from zero so that every trained weight has a gradient."""
    settings = parse("train", [*arguments[1:], *options])
    assert isinstance(settings, TrainCommand)
    transformer = loading.load_transformer(settings.base, torch.float32, torch.device("cpu"), (4, 4), settings.window)
    if settings.conditioning_entry.adds_channels:
        widen_patch_embedding(transformer, settings.input_channels(16, bases.family(settings.base).geometry))
    lora.add_lora(transformer, settings.section(lora.LoraSettings), seed=0)
    parameters = lora.prepare_training(transformer)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return Run(settings, Accelerator(cpu=True), transformer, parameters, cache, adapter_config(settings), {})


@pytest.fixture
def cache(tiny_results: Path) -> LatentCache:
    """The tiny training windows."""
    return LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")


def test_gradients_do_not_depend_on_how_a_batch_is_cut(
    training_arguments: Callable[..., list[str]], cache: LatentCache, tmp_path: Path
) -> None:
    arguments = training_arguments(tmp_path, "--batch-size", "4", "--outside-weight", "0.1")
    found = {}
    for size in (1, 2, 3, 4):
        trial = run(arguments, cache, "--micro-batch-size", str(size))
        errors, area = trial.backward(trial.batches.of_step(0, 0, 1, size))
        gradients = [p.grad for p in trial.parameters]
        assert all(g is not None and g.any() for g in gradients)
        found[size] = [g for g in gradients if g is not None], errors.total().weighted(0.1) / area.total().weighted(0.1)
    for size in (1, 2, 3):
        torch.testing.assert_close(found[size][0], found[4][0], rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(found[size][1], found[4][1])


def test_a_gradient_is_that_of_the_loss_over_the_whole_batch(
    training_arguments: Callable[..., list[str]], cache: LatentCache, tmp_path: Path
) -> None:
    arguments = training_arguments(tmp_path, "--batch-size", "3", "--region", "mask", "--outside-weight", "0.25")
    trial = run(arguments, cache)
    trial.backward(trial.batches.of_step(0, 0, 1, 1))
    found = [p.grad.clone() for p in trial.parameters if p.grad is not None]
    trial.optimizer.zero_grad()
    loss, settings = LossSettings(region="mask"), trial.settings
    drawn = Batches(cache, loss, AugmentationSettings(), settings.mask_dilation, 3, settings.seed, trial.family, AREA)
    (whole,) = drawn.of_step(0, 0, 1, 3)
    noisy, velocity = add_noise_and_target(trial.noise_scheduler, whole)
    model_input = torch.cat([noisy, whole.condition, whole.mask], dim=2)
    prompt = torch.zeros(3, 4, 8)
    predicted = trial.transformer(model_input, prompt, whole.timesteps, return_dict=False)[0]
    weights = (whole.region + 0.25 * (1 - whole.region)).expand_as(predicted)
    ((predicted - velocity).square() * weights).sum().div(weights.sum()).backward()
    expected = [p.grad for p in trial.parameters if p.grad is not None]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_noise_is_added_and_errors_are_summed_in_float32_whatever_the_precision_of_the_models_pass(
    training_arguments: Callable[..., list[str]], cache: LatentCache, tmp_path: Path
) -> None:
    trial, seen = run(training_arguments(tmp_path), cache), []
    trial.transformer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    (part,) = trial.batches.of_step(0, 0, 1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        halved = trial.errors(part).total()
    full = trial.errors(part).total()
    assert seen[0].dtype == halved.inside.dtype == torch.float32
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(halved.inside, full.inside), "the model's pass itself was in half precision"
    torch.testing.assert_close(halved.inside, full.inside, rtol=0.05, atol=0)


def test_min_snr_weighs_each_samples_error_in_the_gradient(
    training_arguments: Callable[..., list[str]], cache: LatentCache, tmp_path: Path
) -> None:
    arguments = training_arguments(tmp_path, "--batch-size", "1", "--outside-weight", "0")
    plain, weighed = run(arguments, cache), run(arguments, cache, "--min-snr-gamma", "5")
    for trial in (plain, weighed):
        trial.backward(trial.batches.of_step(0, 0, 1, 1))
    (part,) = plain.batches.of_step(0, 0, 1, 1)
    weight = min_snr_weights(plain.noise_scheduler, part.timesteps, 5.0)
    assert 0 < weight < 1
    for one, other in zip(plain.parameters, weighed.parameters, strict=True):
        assert one.grad is not None
        torch.testing.assert_close(other.grad, one.grad * weight, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("conditioning_name", ["concat", "replace"])
def test_the_model_sees_the_condition_beside_its_noisy_latents_or_in_place_of_them(
    training_arguments: Callable[..., list[str]], cache: LatentCache, tmp_path: Path, conditioning_name: str
) -> None:
    options = ["--conditioning", conditioning_name, "--batch-size", "2", "--micro-batch-size", "2"]
    trial = run(training_arguments(tmp_path, *options), cache)
    seen = []
    trial.transformer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    (part,) = trial.batches.of_step(0, 0, 1, 2)
    trial.backward([part])
    noisy, _ = add_noise_and_target(trial.noise_scheduler, part)
    (shown,) = seen
    if conditioning_name == "concat":
        assert torch.equal(shown, torch.cat([noisy, part.condition, part.mask], dim=2))
        return
    known, _ = add_noise_and_target(trial.noise_scheduler, replace(part, truth=part.condition))
    inside = (part.mask > 0).expand_as(noisy)
    assert 0 < inside.float().mean() < 1
    assert torch.equal(shown[inside], noisy[inside])
    assert torch.equal(shown[~inside], known[~inside])
    assert not torch.equal(known[inside], noisy[inside])
