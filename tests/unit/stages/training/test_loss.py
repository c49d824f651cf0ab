"""The loss over the hole, against sums written out by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from inpainting.models import loading
from inpainting.stages.training.loss import RegionSums, areas, min_snr_weights, squared_errors
from torch import Tensor

CHANNELS = 4


def drawn(seed: int, batch: int = 3, share: float = 0.2) -> tuple[Tensor, Tensor, Tensor]:
    """A prediction, a target and a region."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randn((batch, 2, CHANNELS, 3, 5), generator=generator)
    target = torch.randn((batch, 2, CHANNELS, 3, 5), generator=generator)
    region = (torch.rand((batch, 2, 1, 3, 5), generator=generator) < share).float()
    region[:, 0, 0, 0, 0] = 1
    return prediction, target, region


def loss(prediction: Tensor, target: Tensor, region: Tensor, outside_weight: float) -> Tensor:
    errors = squared_errors(prediction, target, region).total().weighted(outside_weight)
    return errors / areas(region, CHANNELS).total().weighted(outside_weight)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0, 1), weight=st.sampled_from([0.0, 0.1, 1.0]))
def test_the_loss_is_the_weighted_mean_over_latent_values(seed: int, share: float, weight: float) -> None:
    prediction, target, region = drawn(seed, share=share)
    numerator = denominator = 0.0
    for place in np.ndindex(*prediction.shape):
        inside = bool(region[place[0], place[1], 0, place[3], place[4]])
        factor = 1.0 if inside else weight
        numerator += factor * float(prediction[place] - target[place]) ** 2
        denominator += factor
    assert float(loss(prediction, target, region, weight)) == pytest.approx(numerator / denominator, rel=1e-5)


def test_the_loss_does_not_shrink_with_the_hole() -> None:
    prediction, target = torch.ones(1, 1, CHANNELS, 8, 8), torch.zeros(1, 1, CHANNELS, 8, 8)
    region = torch.zeros(1, 1, 1, 8, 8)
    region[..., 0, 0] = 1
    assert float(loss(prediction, target, region, 0.0)) == 1
    mean_of_product = float((region * (prediction - target).square()).mean())
    assert mean_of_product == pytest.approx(1 / 64)


def test_errors_outside_count_by_their_weight_alone() -> None:
    prediction, target, region = drawn(0)
    changed = prediction + 7 * (1 - region)
    before, after = (squared_errors(p, target, region) for p in (prediction, changed))
    assert torch.equal(before.inside, after.inside)
    assert (after.outside > before.outside).all()
    assert torch.equal(after.weighted(0.0), before.weighted(0.0))


def test_sums_of_parts_are_the_sums_of_the_whole_where_means_of_ratios_are_not() -> None:
    prediction, target, region = drawn(1, batch=4)
    region[0] = 1
    whole = loss(prediction, target, region, 0.1)
    parts = [slice(0, 1), slice(1, 4)]
    errors = [squared_errors(prediction[p], target[p], region[p]).total() for p in parts]
    sizes = [areas(region[p], CHANNELS).total() for p in parts]
    joined = (errors[0] + errors[1]).weighted(0.1) / (sizes[0] + sizes[1]).weighted(0.1)
    torch.testing.assert_close(joined, whole)
    ratios = torch.stack([loss(prediction[p], target[p], region[p], 0.1) for p in parts]).mean()
    assert abs(float(ratios - whole)) > 1e-3


def test_areas_count_the_values_inside_and_outside() -> None:
    region = torch.zeros(2, 3, 1, 4, 4)
    region[0, 0, 0, :2] = 1
    counted = areas(region, 16)
    assert counted.inside.tolist() == [16 * 8, 0]
    assert counted.outside.tolist() == [16 * 40, 16 * 48]


def test_ranges_of_timesteps_part_the_sums() -> None:
    sums = RegionSums(torch.tensor([1.0, 2.0, 4.0, 8.0]), torch.tensor([16.0, 32.0, 64.0, 128.0]))
    parted = sums.by_timestep(torch.tensor([0, 99, 100, 999]), 1000)
    assert parted.inside.tolist() == [3, 4, 0, 0, 0, 0, 0, 0, 0, 8]
    assert parted.outside.tolist() == [48, 64, 0, 0, 0, 0, 0, 0, 0, 128]
    assert parted.total().inside == sums.total().inside


@pytest.mark.parametrize("gamma", [1.0, 5.0])
def test_min_snr_weighs_the_velocitys_error_as_the_paper_does_the_truths(gamma: float, tiny_base: Path) -> None:
    schedule = loading.load_scheduler(str(tiny_base))
    timesteps = torch.arange(1000)
    alpha_bar = schedule.alphas_cumprod.double()
    snr = alpha_bar[:-1] / (1 - alpha_bar[:-1])
    weights = min_snr_weights(schedule, timesteps, gamma)
    torch.testing.assert_close(weights[:-1].double(), snr.clamp(max=gamma) / (snr + 1), rtol=1e-4, atol=1e-7)
    assert weights[-1] == 0
    assert (min_snr_weights(schedule, timesteps, None) == 1).all()


def test_errors_of_half_precision_are_summed_in_float32() -> None:
    prediction = torch.full((1, 1, CHANNELS, 64, 64), 1.001, dtype=torch.bfloat16)
    region = torch.ones(1, 1, 1, 64, 64)
    errors = squared_errors(prediction, torch.zeros(prediction.shape), region)
    assert errors.inside.dtype == torch.float32
    assert float(errors.inside) == CHANNELS * 64 * 64
