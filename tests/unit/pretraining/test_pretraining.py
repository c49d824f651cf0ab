"""The tool that made models/nano: both trainings for a few steps on tiny models, and their functions."""

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from clips import crop, draw_clip
from inpainting.core.errors import InputError
from inpainting.core.files import folder_digest, read_json
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from pretrain import main
from settings import Config
from torch import nn
from trainer import MuonWithAdamW, Trainer, learning_rate_factor
from transformer import noise_scheduler, spread_timesteps
from vae import divergence, new_vae, training_stage, vae_loss

SHARED: dict[str, Any] = {"seed": 0, "held_out": 4, "checkpoint_every": 2, "mixed_precision": "no", "workers": 1}
TINY_VAE: dict[str, Any] = {
    **SHARED,
    "latent_channels": 16,
    "channels": [4, 4, 8, 8],
    "layers": 1,
    "groups": 2,
    "clips": 2,
    "batch": 2,
    "image_steps": 3,
    "short_steps": 1,
    "long_steps": 1,
    "rate": 0.02,
}
TINY_TRANSFORMER: dict[str, Any] = {
    **SHARED,
    "heads": 1,
    "head_width": 64,
    "layers": 1,
    "time_width": 128,
    "clips": 4,
    "dynamic_share": 0.5,
    "batch": 2,
    "steps": 6,
    "rate": 0.01,
}
CONFIG = Config(vae=TINY_VAE, transformer=TINY_TRANSFORMER)


def pretrain(model: str, folder: Path, **changes: dict[str, Any]) -> int:
    """Run the tool in the folder, on the CPU; `changes` replace settings of a model."""
    settings = CONFIG.model_dump()
    for name, values in changes.items():
        settings[name] |= values
    config = folder / "settings.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return main([model, "--config", str(config), "--out", str(folder), "--device", "cpu"])


@contextmanager
def interrupted_at(message: str) -> Iterator[None]:
    """Raise KeyboardInterrupt, as Ctrl-C does, as soon as the training logs `message`."""

    def interrupt(record: logging.LogRecord) -> bool:
        if record.getMessage().startswith(message):
            raise KeyboardInterrupt
        return True

    logger = logging.getLogger("trainer")
    logger.setLevel(logging.INFO)
    logger.addFilter(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        logger.removeFilter(interrupt)
        logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both trainings, which ran without interruption."""
    folder = tmp_path_factory.mktemp("trained")
    assert pretrain("vae", folder) == 0
    assert pretrain("transformer", folder) == 0
    return folder


@pytest.mark.slow
def test_both_trainings_make_a_model_that_the_pipeline_class_loads(trained: Path) -> None:
    pipeline = CogVideoXInpaintPipeline.from_pretrained(trained / "nano", torch_dtype=torch.float32)
    for model in (pipeline.vae, pipeline.transformer):
        assert all(weight.isfinite().all() for weight in model.parameters())
    assert pipeline.vae.config.scaling_factor == pytest.approx(
        read_json(trained / "vae" / "config.json")["scaling_factor"]
    )
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    assert (trained / "nano" / "samples.png").stat().st_size > 0
    assert [entry["step"] for entry in read_json(trained / "vae.json")] == [2, 4, 5]


@pytest.mark.slow
def test_training_lowers_the_velocity_error(trained: Path) -> None:
    first, *_, last = read_json(trained / "transformer.json")
    for name in ("t100", "t300", "t600", "t900"):
        assert last[name] < first[name]


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    with interrupted_at("step 4"):
        pretrain("vae", tmp_path)
    assert pretrain("vae", tmp_path) == 0
    assert folder_digest(tmp_path / "vae") == folder_digest(trained / "vae")
    assert read_json(tmp_path / "vae.json") == read_json(trained / "vae.json")


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    model, checkpoint = nn.Linear(16, 16), tmp_path / "checkpoint"
    Trainer(model, CONFIG.vae, 0.9, checkpoint).train(
        2, lambda step: model(torch.ones(1, 16)).sum(), lambda step: 1.0, lambda average: {}
    )
    assert Trainer(model, CONFIG.vae, 0.9, checkpoint).finished == 2
    with pytest.raises(InputError, match="was made with other settings"):
        Trainer(model, CONFIG.vae.model_copy(update={"rate": 1.0}), 0.9, checkpoint)


def test_a_wrong_setting_and_a_missing_vae_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pretrain("vae", tmp_path, vae={"batch": 3}) == 2
    assert "settings.yaml: vae.batch: 3 was given, but it should be a multiple of 2" in capsys.readouterr().err
    assert pretrain("transformer", tmp_path) == 1
    assert "train the VAE there first" in capsys.readouterr().err


def test_a_gradient_that_is_not_finite_ends_the_training_before_the_weights_change(tmp_path: Path) -> None:
    model = nn.Linear(16, 16)
    before = model.weight.detach().clone()
    trainer = Trainer(model, CONFIG.vae, 0.9, tmp_path / "checkpoint")
    with pytest.raises(InputError, match="step 1: the gradients are not finite"):
        trainer.train(1, lambda step: model(torch.ones(2, 16)).sum() * torch.nan, lambda step: 1.0, lambda average: {})
    assert torch.equal(model.weight, before)


def test_updates_are_proportional_to_the_rate_and_weights_without_a_gradient_stay_the_same() -> None:
    torch.manual_seed(0)
    clips, moved = torch.randn(2, 8, 5, 5, 5), []
    for factor in (1.0, 0.25):
        torch.manual_seed(1)
        used, unused = nn.Conv3d(8, 16, 3), nn.Linear(16, 16)
        before = [weight.detach().clone() for weight in (*used.parameters(), *unused.parameters())]
        optimizer = MuonWithAdamW(nn.ModuleList([used, unused]), rate=0.02)
        used(clips).square().mean().backward()
        optimizer.step(factor)
        after = (*used.parameters(), *unused.parameters())
        moved.append([now.detach() - then for now, then in zip(after, before, strict=True)])
    for whole, quarter in zip(*moved, strict=True):
        torch.testing.assert_close(quarter, whole / 4, rtol=1e-3, atol=1e-6)
    assert [bool(whole.any()) for whole in moved[0]] == [True, True, False, False]


def test_the_learning_rate_rises_then_falls_to_nearly_zero() -> None:
    factors = [learning_rate_factor(step, 100, warmup=10, floor=0.01) for step in range(100)]
    assert factors[0] == pytest.approx(0.1, abs=0.01)
    assert max(factors) > 0.95
    assert factors[-1] < 0.02
    assert all(later <= earlier for earlier, later in itertools.pairwise(factors[10:]))


def test_a_fresh_vae_shrinks_8x_in_space_and_4x_in_time_and_leaves_torchs_random_state_alone() -> None:
    state = torch.get_rng_state()
    vae = new_vae(CONFIG.vae)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        posterior = vae.encode(torch.zeros(1, 3, 9, 16, 24)).latent_dist
        assert posterior.mean.shape == (1, 16, 3, 2, 3)
        assert vae.decode(posterior.mean).sample.shape == (1, 3, 9, 16, 24)


def test_bf16_applies_to_the_forward_pass_but_not_to_the_loss_and_the_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    clips = torch.rand(2, 3, 1, 16, 16, generator=generator) * 2 - 1
    noise = torch.randn(2, 16, 1, 2, 2, generator=generator)
    losses = {}
    for precision in ("no", "bf16"):
        settings = CONFIG.vae.model_copy(update={"mixed_precision": precision})
        vae = new_vae(settings)
        losses[precision] = vae_loss(vae, settings, clips, noise)
        losses[precision].backward()
        assert {weight.grad.dtype for weight in vae.parameters() if weight.grad is not None} == {torch.float32}
    assert losses["bf16"].dtype == torch.float32
    assert losses["bf16"] != losses["no"]
    torch.testing.assert_close(losses["bf16"], losses["no"], rtol=0.02, atol=0)


def test_the_vae_trains_on_single_frames_then_on_short_crops_then_on_whole_clips() -> None:
    settings = CONFIG.vae.model_copy(update={"image_steps": 2, "batch": 16})
    assert [training_stage(step, settings) for step in range(4)] == [
        (1, (64, 48), 48),
        (1, (64, 48), 48),
        (9, (64, 48), 16),
        (17, (128, 96), 8),
    ]


def test_every_batch_has_timesteps_from_all_noise_levels() -> None:
    draws = torch.stack([spread_timesteps(4, torch.Generator().manual_seed(seed)) for seed in range(300)])
    assert (draws // 250 == torch.arange(4)).all()
    assert draws.min() < 10
    assert draws.max() > 990


def test_the_kl_divergence_agrees_with_torchs() -> None:
    mean, deviation = torch.randn(2, 3, 2, 2, 2), torch.rand(2, 3, 2, 2, 2) + 0.1
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(mean, deviation), normal).mean()
    torch.testing.assert_close(divergence(mean, 2 * deviation.log()), expected)


def test_some_clips_have_grey_holes_if_asked_for() -> None:
    clips = [draw_clip(0, (32, 24), True, 0.0, index) for index in range(40)]
    share = np.mean([(clip == 128).all(axis=-1).mean() > 0.02 for clip in clips])
    assert 0.03 < share < 0.4


def test_about_the_given_share_of_clips_has_dynamic_scenes() -> None:
    plain, some = ([draw_clip(0, (32, 24), False, share, index) for index in range(12)] for share in (0.0, 0.5))
    other = [not np.array_equal(one, another) for one, another in zip(plain, some, strict=True)]
    assert 3 <= sum(other) <= 9


def test_crops_have_the_length_and_size_asked_for() -> None:
    clip = draw_clip(0, (128, 96), False, 0.0, 0)
    for seed in range(20):
        assert crop(np.random.default_rng(seed), clip, 9, (64, 48)).shape == (9, 48, 64, 3)


def test_the_scheduler_has_the_settings_of_cogvideox_2b() -> None:
    scheduler = noise_scheduler()
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.beta_schedule == "scaled_linear"
    assert (scheduler.config.beta_start, scheduler.config.beta_end) == (0.00085, 0.012)
    assert scheduler.config.rescale_betas_zero_snr
    assert scheduler.config.snr_shift_scale == 3.0
    assert scheduler.config.timestep_spacing == "trailing"
    assert not scheduler.config.clip_sample
    assert scheduler.alphas_cumprod[-1] == 0
