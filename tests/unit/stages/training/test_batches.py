"""Which windows, noise and timesteps a step is given."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from inpainting.artifacts.latents import LatentCache, Window
from inpainting.conditioning.mask_inputs import AREA
from inpainting.core.errors import InputError
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.stages.training.batches import Batch, Batches, prefetch_thread
from inpainting.stages.training.settings import AugmentationSettings, LossSettings
from inpainting.video import masks

DILATION = 2


@pytest.fixture(scope="module")
def cache(tiny_results: Path) -> LatentCache:
    """The tiny training windows."""
    return LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")


def batches(cache: LatentCache, batch_size: int = 2, seed: int = 0, loss: LossSettings | None = None) -> Batches:
    return Batches(
        cache, loss or LossSettings(), AugmentationSettings(), DILATION, batch_size, seed, COGVIDEOX_2B, AREA
    )


def same(one: Batch, other: Batch) -> bool:
    tensors = ("truth", "condition", "mask", "region", "noise", "timesteps")
    return one.sequences == other.sequences and all(torch.equal(getattr(one, t), getattr(other, t)) for t in tensors)


def test_an_epoch_shows_each_window_once_and_each_in_another_order(cache: LatentCache) -> None:
    drawn = batches(cache)
    epochs = [[drawn.window_number(epoch * len(cache) + i) for i in range(len(cache))] for epoch in range(4)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(len(cache)))
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_consecutive_steps_go_through_the_epochs_without_a_gap(cache: LatentCache) -> None:
    drawn = batches(cache, batch_size=3)
    seen: Counter[tuple[str, float]] = Counter()
    for step in range(len(cache)):
        for part in drawn.of_step(step, 0, 1, 2):
            seen.update(zip(part.sequences, part.truth.sum(dim=(1, 2, 3, 4)).tolist(), strict=True))
    assert len(seen) == len(cache)
    assert set(seen.values()) == {3}


def test_a_step_depends_on_the_seed_and_its_number_alone(cache: LatentCache) -> None:
    early = batches(cache)
    for step in range(5):
        early.of_step(step, 0, 1, 1)
    torch.manual_seed(5)
    np.random.default_rng()
    (resumed,) = batches(cache).of_step(5, 0, 1, 2)
    (uninterrupted,) = early.of_step(5, 0, 1, 2)
    assert same(resumed, uninterrupted)
    assert not same(resumed, early.of_step(0, 0, 1, 2)[0])
    assert not same(resumed, batches(cache, seed=1).of_step(5, 0, 1, 2)[0])


@pytest.mark.parametrize("micro_batch_size", [1, 2, 3, 4])
@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_processes_and_micro_batches_part_one_and_the_same_batch(
    cache: LatentCache, processes: int, micro_batch_size: int
) -> None:
    (whole,) = batches(cache, batch_size=4).of_step(3, 0, 1, 4)
    parts = [
        part
        for rank in range(processes)
        for part in batches(cache, batch_size=4).of_step(3, rank, processes, micro_batch_size)
    ]
    noise = torch.cat([part.noise for part in parts])
    truth = torch.cat([part.truth for part in parts])
    times = torch.cat([part.timesteps for part in parts])
    order = [next(i for i in range(4) if torch.equal(whole.noise[i], sample)) for sample in noise]
    assert sorted(order) == [0, 1, 2, 3]
    assert torch.equal(whole.truth[order], truth)
    assert torch.equal(whole.timesteps[order], times)
    assert max(len(part.noise) for part in parts) <= micro_batch_size


def test_a_batch_is_float32_and_its_parts_belong_together(cache: LatentCache) -> None:
    drawn = batches(cache, batch_size=3)
    (batch,) = drawn.of_step(0, 0, 1, 3)
    for name in ("truth", "condition", "mask", "region", "noise"):
        assert getattr(batch, name).dtype == torch.float32, name
    for position in range(3):
        window = cache[drawn.window_number(position)]
        assert batch.sequences[position] == window.sequence
        assert torch.equal(batch.truth[position], window.truth.float())
        assert torch.equal(batch.condition[position], window.condition.float())
        dilated = masks.dilate(window.hole, DILATION)
        assert np.array_equal(batch.mask[position, :, 0].numpy(), masks.latent_area(dilated, 8, 4))
        assert np.array_equal(batch.region[position, :, 0].numpy(), masks.latent_any(dilated, 8, 4))


def test_the_region_may_be_the_hole_before_dilation_while_the_model_sees_the_dilated_one(cache: LatentCache) -> None:
    (dilated,) = batches(cache).of_step(0, 0, 1, 2)
    (undilated,) = batches(cache, loss=LossSettings(region="mask")).of_step(0, 0, 1, 2)
    assert torch.equal(dilated.mask, undilated.mask)
    assert (undilated.region <= dilated.region).all()
    window = cache[batches(cache).window_number(0)]
    assert np.array_equal(undilated.region[0, :, 0].numpy(), masks.latent_any(window.hole, 8, 4))


def test_the_region_may_be_the_hole_and_where_input_and_truth_differ_by_more_than_the_threshold(
    cache: LatentCache, write_latents: Callable[[list[Window]], Path]
) -> None:
    windows = [cache[number] for number in range(len(cache))]
    shadow = torch.zeros(windows[0].truth[:, 0].shape, dtype=torch.uint8)
    shadow[1, 3, 0], shadow[2, 3, 3] = 21, 20
    shadowed = LatentCache(write_latents([replace(w, difference=shadow.clone()) for w in windows]), "train")
    loss = LossSettings(region="mask_and_effect", effect_threshold=20)
    (plain,) = batches(cache).of_step(0, 0, 1, 2)
    (found,) = batches(shadowed, loss=loss).of_step(0, 0, 1, 2)
    assert plain.region[0, 1, 0, 3, 0] == 0
    assert plain.region[0, 2, 0, 3, 3] == 0
    assert found.region[0, 1, 0, 3, 0] == 1
    assert torch.equal((found.region - plain.region).nonzero(), torch.tensor([[0, 1, 0, 3, 0], [1, 1, 0, 3, 0]]))
    without = LatentCache(write_latents([replace(w, difference=None) for w in windows]), "train")
    with pytest.raises(InputError, match="no differences of input and truth"):
        batches(without, loss=loss).of_step(0, 0, 1, 2)


def timesteps(cache: LatentCache, samples: int, loss: LossSettings | None = None) -> torch.Tensor:
    drawn, shape = batches(cache, loss=loss), cache[0].truth.shape
    return torch.stack([drawn.draw(sample, shape)[1] for sample in range(samples)])


def test_every_timestep_from_0_to_999_can_be_drawn_and_all_equally(cache: LatentCache) -> None:
    times = timesteps(cache, 10_000)
    (batch,) = batches(cache).of_step(0, 0, 1, 2)
    assert torch.equal(batch.timesteps, times[:2])
    assert (times.min(), times.max(), times.dtype) == (0, 999, torch.int64)
    counts = torch.bincount(times // 100, minlength=10)
    assert counts.min() > 850
    assert counts.max() < 1150


def test_a_share_of_samples_may_be_drawn_from_the_noisiest_timesteps(cache: LatentCache) -> None:
    times = timesteps(cache, 2000, LossSettings(high_noise_share=0.6))
    assert (times >= 700).float().mean() == pytest.approx(0.6 + 0.4 * 0.3, abs=0.04)
    assert times.min() < 50
    assert timesteps(cache, 500, LossSettings(high_noise_share=1.0)).min() >= 700
    last = timesteps(cache, 500, LossSettings(high_noise_share=1.0, high_noise_from=950))
    assert (last.min(), last.max()) == (950, 999)


def test_the_logit_of_timesteps_may_be_normal(cache: LatentCache) -> None:
    loss = LossSettings(timestep_sampling="logit_normal", logit_mean=0.5, logit_std=0.8)
    times = timesteps(cache, 4000, loss)
    assert times.dtype == torch.int64
    logits = ((times + 0.5) / 1000).logit()
    assert float(logits.mean()) == pytest.approx(0.5, abs=0.05)
    assert float(logits.std()) == pytest.approx(0.8, abs=0.05)
    wide = timesteps(cache, 500, LossSettings(timestep_sampling="logit_normal", logit_std=50.0))
    assert (wide.min(), wide.max()) == (0, 999)
    mixed = LossSettings(timestep_sampling="logit_normal", high_noise_share=1.0)
    assert timesteps(cache, 200, mixed).min() >= 700


def test_noise_is_standard_normal_and_differs_between_samples(cache: LatentCache) -> None:
    (batch,) = batches(cache, batch_size=20).of_step(0, 0, 1, 20)
    assert batch.noise.mean().abs() < 0.03
    assert batch.noise.std() == pytest.approx(1, abs=0.03)
    assert len({float(sample.sum()) for sample in batch.noise}) == 20


def test_where_the_truths_spread_is_kept_each_epoch_sees_another_sample_of_it_by_its_seed(
    cache: LatentCache, write_latents: Callable[[list[Window]], Path]
) -> None:
    windows = [cache[number] for number in range(len(cache))]
    spread = math.log(0.25)
    index = write_latents([replace(w, logvar=torch.full_like(w.truth, spread)) for w in windows])
    sampled = LatentCache(index, "train")

    def truth(latents: LatentCache, epoch: int, seed: int = 0) -> torch.Tensor:
        (whole,) = batches(latents, len(latents), seed).of_step(epoch, 0, 1, len(latents))
        return whole.truth

    drawn = [(truth(sampled, epoch) - truth(cache, epoch)) / 0.5 for epoch in (0, 1)]
    assert torch.stack(drawn).std() == pytest.approx(1, abs=0.02)
    assert abs(float(torch.stack(drawn).mean())) < 0.02
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(truth(sampled, 1), truth(sampled, 1))
    assert not torch.equal(truth(sampled, 0, seed=1), truth(sampled, 0))


def test_prefetching_uses_one_torch_thread_and_leaves_the_others_to_training() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with prefetch_thread() as reader:
            assert reader.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
