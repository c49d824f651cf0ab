"""Pretraining of the nano model: tiny models, trained a few steps from the code."""

import copy
import itertools
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from inpainting.core.errors import InputError
from inpainting.core.files import folder_digest, read_json
from inpainting.pretraining.architecture import new_transformer, new_vae, noise_scheduler
from inpainting.pretraining.clips import ClipPlan, crop, draw_clip
from inpainting.pretraining.optimizer import Optimizer, as_matrix
from inpainting.pretraining.pretrain_base import pretrain_base, spread_times
from inpainting.pretraining.pretrain_vae import divergence, pretrain_vae, stage_of, vae_loss
from inpainting.pretraining.run import Run, annealed, prepared_ahead
from inpainting.pretraining.settings import (
    PretrainBaseCommand,
    PretrainBaseSettings,
    PretrainVaeCommand,
    PretrainVaeSettings,
)
from torch.nn import functional

TINY_VAE: dict[str, Any] = {
    "channels": [4, 4, 8, 8],
    "clips": 3,
    "image_steps": 3,
    "short_steps": 1,
    "long_steps": 1,
    "decoder_steps": 1,
    "held_out": 4,
    "checkpoint_every": 2,
    "threads": 1,
    "mixed_precision": "no",
}
TINY_BASE: dict[str, Any] = {
    "heads": 1,
    "head_width": 64,
    "layers": 1,
    "clips": 4,
    "steps": 6,
    "batch": 2,
    "held_out": 4,
    "checkpoint_every": 2,
    "threads": 1,
    "mixed_precision": "no",
}


@contextmanager
def interrupted_at(message: str) -> Iterator[None]:
    """Ctrl-C arrives as soon as the run logs `message`."""

    def interrupt(record: logging.LogRecord) -> bool:
        if record.getMessage().startswith(message):
            raise KeyboardInterrupt
        return True

    logger = logging.getLogger("inpainting.pretraining.run")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addFilter(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        logger.removeFilter(interrupt)
        logger.setLevel(level)


@pytest.fixture(scope="module")
def vae_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a tiny VAE was trained without interruption."""
    folder = tmp_path_factory.mktemp("vae")
    pretrain_vae(PretrainVaeCommand(out=folder / "final", work=folder, **TINY_VAE))
    return folder


@pytest.fixture(scope="module")
def base_run(vae_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a tiny transformer was trained without interruption."""
    folder = tmp_path_factory.mktemp("base")
    pretrain_base(PretrainBaseCommand(vae=vae_run / "final", out=folder / "nano", work=folder, **TINY_BASE))
    return folder


def test_an_interrupted_vae_run_ends_with_the_same_bytes(vae_run: Path, tmp_path: Path) -> None:
    command = PretrainVaeCommand(out=tmp_path / "final", work=tmp_path, **TINY_VAE)
    with interrupted_at("step 4"):
        pretrain_vae(command)
    assert read_json(tmp_path / "checkpoint" / "state.json")["step"] == 2
    pretrain_vae(command)
    assert folder_digest(tmp_path / "final") == folder_digest(vae_run / "final")
    assert read_json(tmp_path / "curve.json") == read_json(vae_run / "curve.json")


def test_an_interrupted_base_run_ends_with_the_same_bytes(vae_run: Path, base_run: Path, tmp_path: Path) -> None:
    command = PretrainBaseCommand(vae=vae_run / "final", out=tmp_path / "nano", work=tmp_path, **TINY_BASE)
    with interrupted_at("step 6"):
        pretrain_base(command)
    assert read_json(tmp_path / "checkpoint" / "state.json")["step"] == 4
    pretrain_base(command)
    assert folder_digest(tmp_path / "nano") == folder_digest(base_run / "nano")


def test_half_the_precision_is_that_of_the_models_pass_and_not_of_its_loss_and_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, 1, 16, 16, 3), dtype=torch.uint8, generator=generator)
    noise = torch.randn(2, 48, 1, 2, 2, generator=generator)
    losses = {}
    for precision in ("no", "bf16"):
        settings = PretrainVaeSettings(channels=[4, 4, 8, 8], mixed_precision=precision)
        vae = new_vae(settings)
        losses[precision] = vae_loss(vae, settings, False, pixels, noise)
        losses[precision].backward()
        assert {weight.grad.dtype for weight in vae.parameters() if weight.grad is not None} == {torch.float32}
    assert losses["bf16"].dtype == torch.float32
    assert losses["bf16"] != losses["no"]
    torch.testing.assert_close(losses["bf16"], losses["no"], rtol=0.02, atol=0)


def test_the_encoder_is_final_before_the_decoders_own_steps(vae_run: Path) -> None:
    early = AutoencoderKLCogVideoX.from_pretrained(vae_run / "encoder-final")
    late = AutoencoderKLCogVideoX.from_pretrained(vae_run / "final")
    for name, weight in late.encoder.named_parameters():
        assert torch.equal(weight, early.encoder.get_parameter(name)), name
    assert early.config.scaling_factor == late.config.scaling_factor
    assert any(not torch.equal(w, early.decoder.get_parameter(n)) for n, w in late.decoder.named_parameters())


def test_training_lowers_the_velocity_error(vae_run: Path, tmp_path: Path) -> None:
    settings = {**TINY_BASE, "steps": 40, "checkpoint_every": 10}
    pretrain_base(PretrainBaseCommand(vae=vae_run / "final", out=tmp_path / "nano", work=tmp_path, **settings))
    curve = read_json(tmp_path / "curve.json")
    for name in ("t100", "t300", "t600", "t900"):
        assert curve[-1][name] < curve[0][name] - 0.02


def test_the_finished_model_loads_with_diffusers(base_run: Path) -> None:
    for kind, name in ((AutoencoderKLCogVideoX, "vae"), (CogVideoXTransformer3DModel, "transformer")):
        model = kind.from_pretrained(base_run / "nano", subfolder=name, torch_dtype=torch.float32)
        assert all(weight.dtype == torch.float32 and weight.isfinite().all() for weight in model.parameters())
    assert (base_run / "nano" / "README.md").read_text().count("dB PSNR") == 1
    assert (base_run / "nano" / "samples.png").stat().st_size > 0


def test_a_fresh_vae_shrinks_8x_in_space_and_4x_in_time() -> None:
    vae = new_vae(PretrainVaeSettings(channels=[4, 4, 8, 8]))
    with torch.no_grad():
        posterior = vae.encode(torch.zeros(1, 3, 9, 16, 24)).latent_dist
        assert posterior.mean.shape == (1, 48, 3, 2, 3)
        assert vae.decode(posterior.mean).sample.shape == (1, 3, 9, 16, 24)


def test_the_same_seed_gives_the_same_first_weights_and_leaves_torchs_own_random_state_alone() -> None:
    state = torch.get_rng_state()
    first, second = (new_transformer(PretrainBaseSettings(heads=1, head_width=16, layers=1), 16) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_the_optimizer_updates_kernels_through_views_of_any_memory_layout(layout: torch.memory_format) -> None:
    convolution = torch.nn.Conv3d(8, 16, 3)
    convolution.weight.data = convolution.weight.data.contiguous(memory_format=layout)
    matrix = as_matrix(convolution.weight.detach())
    assert matrix.shape == (16, 8 * 27)
    assert matrix.data_ptr() == convolution.weight.data_ptr()
    before, bias = convolution.weight.detach().clone(), convolution.bias.detach().clone()  # type: ignore[union-attr]
    optimizer = Optimizer(convolution.parameters(), rate=0.02)
    functional.conv3d(torch.randn(1, 8, 3, 3, 3), convolution.weight, convolution.bias).square().sum().backward()
    optimizer.step()
    assert not torch.equal(convolution.weight, before)
    assert not torch.equal(convolution.bias, bias)  # type: ignore[arg-type]


def test_both_memory_layouts_learn_alike() -> None:
    weights = []
    for layout in (torch.contiguous_format, torch.channels_last_3d):
        torch.manual_seed(0)
        convolution = torch.nn.Conv3d(8, 16, 3)
        convolution.weight.data = convolution.weight.data.contiguous(memory_format=layout)
        optimizer = Optimizer(convolution.parameters(), rate=0.02)
        convolution(torch.randn(1, 8, 5, 5, 5)).square().mean().backward()
        optimizer.step()
        weights.append(convolution.weight.detach())
    torch.testing.assert_close(weights[0], weights[1], atol=1e-3, rtol=0)


def test_a_frozen_parameter_is_left_alone_by_the_optimizer() -> None:
    linear = torch.nn.Linear(16, 16)
    before = linear.weight.detach().clone()
    optimizer = Optimizer(linear.parameters(), rate=0.02)
    optimizer.zero_grad()
    optimizer.step()
    assert torch.equal(linear.weight, before)


def test_the_learning_rate_rises_then_falls_to_nearly_nothing() -> None:
    factors = [annealed(step, 100, warmup=10) for step in range(100)]
    assert factors[0] == pytest.approx(0.1, abs=0.01)
    assert max(factors) > 0.95
    assert factors[-1] < 0.02
    assert all(later <= earlier for earlier, later in itertools.pairwise(factors[10:]))


@pytest.mark.parametrize("factor", [0.25, 1.0])
def test_a_part_of_the_learning_rate_goes_that_part_of_the_way(tmp_path: Path, factor: float) -> None:
    torch.manual_seed(0)
    model, inputs = torch.nn.Linear(16, 16), torch.ones(2, 16)
    start = model.weight.detach().clone()
    whole = copy.deepcopy(model)
    optimizer = Optimizer(whole.parameters(), rate=0.01)
    whole(inputs).square().sum().backward()
    torch.nn.utils.clip_grad_norm_(whole.parameters(), 1.0)
    optimizer.step()
    loss = Run(model, 0.01, tmp_path, decay=0.9).train("one", lambda x: model(x).square().sum(), [inputs], factor)
    torch.testing.assert_close(model.weight - start, factor * (whole.weight - start), rtol=1e-4, atol=1e-7)
    assert loss > 0


def test_batches_come_in_order_whichever_is_ready_first() -> None:
    def prepare(step: int) -> int:
        time.sleep(0.02 * (step % 3 == 0))
        return step

    assert list(prepared_ahead(prepare, range(5, 40), workers=4)) == list(range(5, 40))
    assert list(prepared_ahead(prepare, range(3, 3), workers=4)) == []


def test_a_batch_that_cannot_be_prepared_ends_the_run() -> None:
    def prepare(step: int) -> int:
        if step == 7:
            raise OSError("no such clip")
        return step

    with pytest.raises(OSError, match="no such clip"):
        list(prepared_ahead(prepare, range(20), workers=2))


def test_a_vae_learns_from_clips_larger_than_its_frames_and_needs_no_decoder_steps(tmp_path: Path) -> None:
    settings = {**TINY_VAE, "clip_scale": 2, "decoder_steps": 0, "batch": 4}
    pretrain_vae(PretrainVaeCommand(out=tmp_path / "final", work=tmp_path, **settings))
    (pool,) = tmp_path.glob("clips-*.npy")
    assert np.load(pool, mmap_mode="r").shape == (3, 17, 192, 256, 3)
    assert AutoencoderKLCogVideoX.from_pretrained(tmp_path / "final").config.latent_channels == 48
    assert read_json(tmp_path / "curve.json")[-1]["step"] == 5


def test_the_stages_follow_each_other() -> None:
    settings = PretrainVaeSettings(image_steps=2, short_steps=1, long_steps=1, decoder_steps=1)
    assert [stage_of(step, settings).frames for step in range(5)] == [1, 1, 9, 17, 9]
    larger = settings.model_copy(update={"batch": 16})
    assert [stage_of(step, larger).batch for step in range(5)] == [48, 48, 16, 8, 8]


def test_every_batch_has_time_steps_from_all_noise_levels() -> None:
    draws = torch.stack([spread_times(4, torch.Generator().manual_seed(seed)) for seed in range(300)])
    assert (draws // 250 == torch.arange(4)).all()
    assert draws.min() < 10
    assert draws.max() > 990


def test_the_divergence_is_that_of_gaussians() -> None:
    mean, deviation = torch.randn(2, 3, 2, 2, 2), torch.rand(2, 3, 2, 2, 2) + 0.1
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(mean, deviation), normal).mean()
    torch.testing.assert_close(divergence(mean, 2 * deviation.log()), expected)


def test_some_clips_have_grey_holes_if_wanted() -> None:
    holed = [draw_clip(ClipPlan(0, 1, (32, 24), holes=True), index) for index in range(40)]
    share = np.mean([(clip == 128).all(axis=-1).mean() > 0.02 for clip in holed])
    assert 0.03 < share < 0.4


def test_a_share_of_clips_may_have_dynamic_scenes() -> None:
    plain, some, all_ = (ClipPlan(0, 2, (64, 48), holes=False, dynamic_share=share) for share in (0.0, 0.5, 1.0))
    other = [not np.array_equal(draw_clip(plain, index), draw_clip(some, index)) for index in range(24)]
    assert 6 <= sum(other) <= 18
    assert all(not np.array_equal(draw_clip(plain, index), draw_clip(all_, index)) for index in range(6))
    assert plain.digest != some.digest


def test_crops_have_the_length_and_size_asked_for() -> None:
    clip = draw_clip(ClipPlan(0, 17, (128, 96), holes=False), 0)
    for seed in range(20):
        assert crop(np.random.default_rng(seed), clip, 9, (64, 48)).shape == (9, 48, 64, 3)


def test_a_gradient_that_is_not_finite_ends_the_run_before_it_spoils_the_weights(tmp_path: Path) -> None:
    model = torch.nn.Linear(16, 16)
    run = Run(model, 0.01, tmp_path, decay=0.9)
    before = model.weight.detach().clone()
    with pytest.raises(InputError, match=r"step 1: the gradients are not finite; .*--mixed-precision no"):
        run.train("one", lambda x: model(x).sum() * torch.nan, [torch.ones(2, 16)], factor=1.0)
    assert torch.equal(model.weight, before)


def test_the_scheduler_is_that_of_cogvideox_2b() -> None:
    scheduler = noise_scheduler()
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.beta_schedule == "scaled_linear"
    assert (scheduler.config.beta_start, scheduler.config.beta_end) == (0.00085, 0.012)
    assert scheduler.config.rescale_betas_zero_snr
    assert scheduler.config.snr_shift_scale == 3.0
    assert scheduler.config.timestep_spacing == "trailing"
    assert not scheduler.config.clip_sample
    assert scheduler.alphas_cumprod[-1] == 0
