"""Larger holes in training: what may be added, what it depends on, and what the model and the loss make of it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from inpainting.artifacts.latents import LatentCache
from inpainting.cli import main, parse
from inpainting.conditioning.mask_inputs import AREA
from inpainting.models import loading, lora
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.stages.training.augmentation import SHAPE_SHARE, enlarged
from inpainting.stages.training.batches import Batch, Batches
from inpainting.stages.training.loop import Run, add_noise_and_target
from inpainting.stages.training.settings import AugmentationSettings, LossSettings, TrainCommand
from inpainting.stages.training.train import adapter_config
from inpainting.video import masks
from inpainting.video.masks import Hole

Arguments = Callable[..., list[str]]
DILATION = 2
GROWN = AugmentationSettings(augmented_share=1.0, augmented_dilation=5, augmented_shapes=0)
SHAPED = AugmentationSettings(augmented_share=1.0, augmented_dilation=0, augmented_shapes=2)
BOTH = AugmentationSettings(augmented_share=0.7, augmented_dilation=5, augmented_shapes=2)


def box() -> Hole:
    """A box that is absent in a frame, of 9 frames of 64x96."""
    hole = np.zeros((9, 64, 96), np.bool_)
    hole[:, 30:38, 40:52] = True
    hole[4] = False
    return hole


def test_a_hole_grows_by_each_number_of_pixels_up_to_the_largest_and_by_no_more() -> None:
    hole, by = box(), set()
    grown = [masks.dilate(hole, pixels) for pixels in range(6)]
    for sample in range(60):
        larger = enlarged(hole, GROWN, 0, sample)
        (pixels,) = [pixels for pixels in range(6) if np.array_equal(larger, grown[pixels])]
        by.add(pixels)
    assert by == set(range(6))


def test_shapes_that_are_added_move_are_of_bounded_size_and_take_nothing_from_the_hole() -> None:
    hole = box()
    added = [enlarged(hole, SHAPED, 0, sample) & ~hole for sample in range(60)]
    assert all((enlarged(hole, SHAPED, 0, sample) >= hole).all() for sample in range(60))
    shares = np.array([shape.mean(axis=(1, 2)) for shape in added])
    without = (shares == 0).all(axis=1)
    assert without.mean() == pytest.approx(1 / 3, abs=0.2), "none, one or two shapes are as likely"
    assert shares.max() < 2 * 2 * SHAPE_SHARE[1], "of two shapes, each with outgrowths and scaled a little"
    assert shares[~without].mean() > SHAPE_SHARE[0]
    assert all(len({frame.tobytes() for frame in shape}) > 4 for shape in np.array(added)[~without])


def test_the_share_of_windows_that_is_asked_for_gets_a_larger_hole() -> None:
    hole = box()
    settings = AugmentationSettings(augmented_share=0.3, augmented_dilation=20, augmented_shapes=0)
    changed = [not np.array_equal(enlarged(hole, settings, 0, sample), hole) for sample in range(500)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.06)
    assert all(enlarged(hole, AugmentationSettings(), 0, sample) is hole for sample in range(50))


def test_what_is_added_depends_on_seed_and_sample_alone() -> None:
    hole = box()
    first = [enlarged(hole, BOTH, 3, sample) for sample in range(20)]
    backwards = [enlarged(hole, BOTH, 3, sample) for sample in reversed(range(20))]
    assert all(np.array_equal(one, other) for one, other in zip(first, reversed(backwards), strict=True))
    assert len({larger.tobytes() for larger in first}) > 8
    assert any(not np.array_equal(enlarged(hole, BOTH, 4, sample), first[sample]) for sample in range(20))


@pytest.fixture(scope="module")
def cache(tiny_results: Path) -> LatentCache:
    """The tiny training windows with the unmasked input as the condition."""
    return LatentCache(tiny_results / "latents" / "index-rgb.parquet", "train")


def batches(cache: LatentCache, settings: AugmentationSettings, region: str = "mask_dilated") -> Batches:
    return Batches(cache, LossSettings.model_validate({"region": region}), settings, DILATION, 4, 0, COGVIDEOX_2B, AREA)


def samples(parts: list[Batch]) -> dict[bytes, tuple[bytes, bytes]]:
    """Mask and region of every sample, by its noise."""
    return {
        noise.numpy().tobytes(): (mask.numpy().tobytes(), region.numpy().tobytes())
        for part in parts
        for noise, mask, region in zip(part.noise, part.mask, part.region, strict=True)
    }


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_and_a_resumed_run_train_with_the_holes_of_an_uninterrupted_one(
    cache: LatentCache, processes: int
) -> None:
    uninterrupted = batches(cache, BOTH)
    for step in range(3):
        uninterrupted.of_step(step, 0, 1, 2)
    whole = samples(uninterrupted.of_step(3, 0, 1, 4))
    parts = [part for rank in range(processes) for part in batches(cache, BOTH).of_step(3, rank, processes, 1)]
    assert samples(parts) == whole
    assert whole != samples(batches(cache, AugmentationSettings()).of_step(3, 0, 1, 4))


@pytest.mark.parametrize("region", ["mask", "mask_dilated"])
def test_mask_and_region_are_those_of_the_larger_hole_and_the_rest_of_a_batch_stays(
    cache: LatentCache, region: str
) -> None:
    drawn = batches(cache, BOTH, region)
    (part,) = drawn.of_step(1, 0, 1, 4)
    (plain,) = batches(cache, AugmentationSettings(), region).of_step(1, 0, 1, 4)
    for name in ("truth", "condition", "noise", "timesteps"):
        assert torch.equal(getattr(part, name), getattr(plain, name)), name
    assert (part.region >= plain.region).all() and part.region.sum() > plain.region.sum()
    assert (part.mask >= plain.mask).all() and part.mask.sum() > plain.mask.sum()
    for position in range(4):
        larger = enlarged(cache[drawn.window_number(4 + position)].hole, BOTH, 0, 4 + position)
        dilated = masks.dilate(larger, DILATION)
        counted = larger if region == "mask" else dilated
        assert np.array_equal(part.mask[position, :, 0].numpy(), masks.latent_area(dilated, 8, 4))
        assert np.array_equal(part.region[position, :, 0].numpy(), masks.latent_any(counted, 8, 4))


def run(arguments: list[str], cache: LatentCache) -> Run:
    """A run of the untouched transformer with fresh LoRA, which has not begun."""
    settings = parse("train", arguments[1:])
    assert isinstance(settings, TrainCommand)
    transformer = loading.load_transformer(settings.base, torch.float32, torch.device("cpu"), (4, 4), settings.window)
    lora.add_lora(transformer, settings.section(lora.LoraSettings), seed=0)
    parameters = lora.prepare_training(transformer)
    return Run(settings, Accelerator(cpu=True), transformer, parameters, cache, adapter_config(settings), {})


REPLACE = ["--conditioning", "replace", "--micro-batch-size", "2"]
AUGMENTED = ["--augmented-share", "1", "--augmented-dilation", "7", "--augmented-shapes", "2"]


def test_replace_shows_the_model_nothing_of_what_the_larger_hole_hides_and_the_loss_counts_it(
    training_arguments: Arguments, tiny_results: Path, tmp_path: Path
) -> None:
    cache = LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")
    trial = run(training_arguments(tmp_path, *REPLACE, *AUGMENTED), cache)
    seen = []
    trial.transformer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    (part,) = trial.batches.of_step(0, 0, 1, 2)
    (plain,) = batches(cache, AugmentationSettings()).of_step(0, 0, 1, 4)[:1]
    _, area = trial.backward([part])
    noisy, _ = add_noise_and_target(trial.noise_scheduler, part)
    inside = (part.mask > 0).expand_as(noisy)
    assert torch.equal(seen[0][inside], noisy[inside])
    assert not torch.equal(seen[0], noisy)
    assert area.total().inside == 16 * part.region.sum() > 16 * plain.region[:2].sum()

    hidden = torch.where(inside, torch.full_like(part.condition, 9.0), part.condition)
    trial.backward([replace(part, condition=hidden)])
    assert torch.equal(seen[0], seen[1])
    added = inside & ~(plain.mask[:2] > 0).expand_as(noisy)
    assert added.any()
    trial.backward([replace(part, condition=hidden, mask=plain.mask[:2])])
    assert not torch.equal(seen[0][added], seen[2][added])


def test_a_training_with_larger_holes_resumes_bit_identical_and_differs_from_one_without(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    for name, options in {"whole": AUGMENTED, "plain": []}.items():
        assert main(training_arguments(tmp_path / name, *REPLACE, *options)) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "step-4")
    assert main(training_arguments(tmp_path / "resumed", *REPLACE, *AUGMENTED)) == 0
    whole, resumed, plain = (adapter(tmp_path / name) for name in ("whole", "resumed", "plain"))
    assert whole == resumed != plain


def adapter(out: Path) -> bytes:
    return (out / "checkpoints" / "step-4" / "adapter" / "pytorch_lora_weights.safetensors").read_bytes()


def test_larger_holes_than_a_conditions_latents_have_painted_over_are_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--augmented-share", "0.5")) == 2
    message = capsys.readouterr().err
    assert "--augmented-share: 0.5 was given with the conditioning concat" in message
    assert "or the conditioning concat_rgb or replace" in message


def test_an_enlargement_by_nothing_is_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--augmented-share", "0.5", "--augmented-dilation", "0", "--augmented-shapes", "0"]
    assert main(training_arguments(tmp_path, *REPLACE, *options)) == 2
    assert "--augmented-share: 0.5 was given with augmented_dilation 0" in capsys.readouterr().err
