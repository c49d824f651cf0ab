"""Inpainting clips by windows: every frame, any size, the same bytes for the same seed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import commands
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from inpainting.artifacts.latents import LatentCache
from inpainting.artifacts.shard_listing import shard_path
from inpainting.baselines.settings import Fill
from inpainting.cli import main
from inpainting.conditioning.mask_inputs import AREA
from inpainting.core.errors import InputError
from inpainting.models.adapter_files import write_adapter_sums
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import InferenceSettings
from inpainting.models.vae import encode, to_tensor
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.sampling.vae_windows import reconstruct
from inpainting.stages.training.batches import Batches
from inpainting.stages.training.settings import AugmentationSettings, LossSettings
from inpainting.video import masks, sequence
from inpainting.video.clip import Frames
from inpainting.video.settings import MaskSettings
from numpy.typing import NDArray
from torch import Tensor

Load = Callable[..., CogVideoXInpaintPipeline]


@pytest.fixture
def load(tiny_base: Path) -> Load:
    """Loads the tiny base with an adapter, or without one."""

    def load(adapter: Path | None, base: Path = tiny_base) -> CogVideoXInpaintPipeline:
        return load_pipeline(InferenceSettings(base=str(base), device="cpu"), adapter)

    return load


def inpaint(
    pipeline: CogVideoXInpaintPipeline, rgb: Frames, mask: Frames, steps: int, seed: int = 0, **options: Any
) -> Frames:
    """The model's own frames, in windows of 9 frames."""
    made: Frames = pipeline(
        rgb,
        mask,
        num_inference_steps=steps,
        generator=noise_generator(seed),
        window=9,
        window_overlap=1,
        composite=False,
        **options,
    ).frames
    return made


def picture_hole(mask: Frames) -> NDArray[np.bool_]:
    """The hole that is filled and inpainted, by the tiny adapter's settings, which are the defaults."""
    return masks.dilate(mask >= 128, 2)


def noise_clip(frames: int, height: int = 32, width: int = 32) -> tuple[Frames, Frames]:
    """Frames of noise and masks of a box that moves."""
    rgb = np.random.default_rng(frames).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
    mask = np.zeros((frames, height, width), np.uint8)
    for frame in range(frames):
        mask[frame, 8:18, frame % 8 : frame % 8 + 10] = 255
    return rgb, mask


def inputs_of(transformer: CogVideoXTransformer3DModel) -> list[Tensor]:
    """The list that every input of the transformer will be put into, from now on."""
    seen: list[Tensor] = []
    transformer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].clone()))
    return seen


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(load: Load, adapter: Path) -> None:
    rgb, mask = noise_clip(9)
    pipeline = load(adapter)
    first = inpaint(pipeline, rgb, mask, steps=2, seed=3)
    torch.manual_seed(77)
    assert np.array_equal(first, inpaint(pipeline, rgb, mask, steps=2, seed=3))
    assert np.array_equal(first, inpaint(load(adapter), rgb, mask, steps=2, seed=3))
    assert not np.array_equal(first, inpaint(pipeline, rgb, mask, steps=2, seed=4))


@pytest.mark.parametrize("adapted", [True, False])
@pytest.mark.parametrize(
    ("frames", "height", "width"), [(1, 32, 32), (4, 32, 32), (9, 30, 37), (10, 32, 32), (23, 17, 33)]
)
def test_the_output_has_the_clips_length_and_size(
    load: Load, adapter: Path, adapted: bool, frames: int, height: int, width: int
) -> None:
    rgb, mask = noise_clip(frames, height, width)
    raw = inpaint(load(adapter if adapted else None), rgb, mask, steps=1, seed=0)
    assert raw.shape == rgb.shape
    assert raw.dtype == np.uint8
    assert raw.std(axis=(1, 2, 3)).min() > 0


def test_compositing_keeps_known_pixels_bit_for_bit(load: Load, adapter: Path) -> None:
    rgb, mask = noise_clip(9)
    pipeline = load(adapter)
    raw = inpaint(pipeline, rgb, mask, steps=1, seed=0)
    hole = picture_hole(mask)
    joined = masks.composite(raw, rgb, hole)
    assert np.array_equal(joined[~hole], rgb[~hole])
    assert np.array_equal(joined[hole], raw[hole])
    assert not np.array_equal(raw[~hole], rgb[~hole])


def test_pixels_under_the_hole_do_not_matter(load: Load, adapter: Path) -> None:
    rgb, mask = noise_clip(9)
    pipeline = load(adapter)
    changed = np.where(picture_hole(mask)[..., None], 255 - rgb, rgb)
    before, after = (inpaint(pipeline, clip, mask, steps=2, seed=0) for clip in (rgb, changed))
    assert np.array_equal(before, after)


def test_each_window_gets_its_own_frames(load: Load, adapter: Path) -> None:
    rgb, mask = noise_clip(23)
    pipeline = load(adapter)
    before = inpaint(pipeline, rgb, mask, steps=1, seed=0)
    changed = rgb.copy()
    changed[22] = 255 - changed[22]
    after = inpaint(pipeline, changed, mask, steps=1, seed=0)
    assert np.array_equal(before[:14], after[:14])
    assert not np.array_equal(before[22], after[22])


def test_a_reconstruction_has_each_frame_in_its_place(tiny_vae: AutoencoderKLCogVideoX) -> None:
    rgb, _ = noise_clip(12, 30, 37)
    rebuilt = reconstruct(tiny_vae, COGVIDEOX_2B.geometry, rgb, 9, 1)
    assert rebuilt.shape == rgb.shape
    changed = rgb.copy()
    changed[11] = 255 - changed[11]
    different = (reconstruct(tiny_vae, COGVIDEOX_2B.geometry, changed, 9, 1) != rebuilt).any(axis=(1, 2, 3))
    assert not different[:3].any()
    assert different[11]


def test_clip_and_mask_must_agree(load: Load) -> None:
    rgb, mask = noise_clip(9)
    with pytest.raises(InputError, match="9 of 32x32 and the masks 8 of 32x32"):
        inpaint(load(None), rgb, mask[:8], steps=1, seed=0)


def test_without_an_adapter_latents_outside_the_hole_are_the_known_ones_with_noise(load: Load) -> None:
    rgb, mask = noise_clip(9)
    pipeline = load(None)
    seen = inputs_of(pipeline.transformer)
    inpaint(pipeline, rgb, mask, steps=5, seed=0)
    hole = picture_hole(mask)
    grey = torch.from_numpy(~hole)[:, None] * to_tensor(rgb)
    known = encode(pipeline.vae, grey[None])[0]
    outside = torch.from_numpy(masks.latent_any(hole, 8, 4)) == 0
    assert outside.any()
    assert len(seen) == 5
    for latents, timestep in zip(seen, pipeline.scheduler.timesteps, strict=True):
        alpha_bar = pipeline.scheduler.alphas_cumprod[timestep]
        noise = (latents - alpha_bar.sqrt() * known) / (1 - alpha_bar).sqrt()
        spread = noise.transpose(1, 2)[0, :, outside].std()
        assert spread == pytest.approx(1, abs=0.15)
    inside = (seen[-1] - known).transpose(1, 2)[0, :, ~outside].std()
    assert inside > 0.5


def test_denoising_starts_at_the_noisiest_timestep(load: Load) -> None:
    pipeline = load(None)
    inpaint(pipeline, *noise_clip(1), steps=4, seed=0)
    assert pipeline.scheduler.timesteps.tolist() == [999, 749, 499, 249]


def with_masks(adapter: Path, target: Path, **changes: object) -> Path:
    """A copy of an adapter that was trained with other mask settings."""
    shutil.copytree(adapter, target)
    config = json.loads((target / "inpainting.json").read_text())
    config["masks"] |= changes
    (target / "inpainting.json").write_text(json.dumps(config))
    write_adapter_sums(target)
    return target


def test_the_adapters_mask_settings_are_used_and_not_the_callers(load: Load, adapter: Path, tmp_path: Path) -> None:
    rgb, mask = noise_clip(9)
    own = inpaint(load(adapter), rgb, mask, steps=1, seed=0)
    others = MaskSettings(mask_threshold=1, mask_invert=True, mask_dilation=9)
    assert np.array_equal(inpaint(load(adapter), rgb, mask, steps=1, seed=0, mask_settings=others), own)
    inverted = load(with_masks(adapter, tmp_path / "inverted", mask_invert=True))
    assert np.array_equal(inpaint(inverted, rgb, 255 - mask, steps=1, seed=0), own)
    low = load(with_masks(adapter, tmp_path / "low", mask_threshold=10))
    assert np.array_equal(inpaint(low, rgb, mask // 20, steps=1, seed=0), own)
    wide = load(with_masks(adapter, tmp_path / "wide", mask_dilation=5))
    changed = (wide(rgb, mask, num_inference_steps=1, generator=noise_generator(0)).frames != rgb).any(axis=-1)
    grown, less = (masks.dilate(mask > 0, pixels) for pixels in (5, 4))
    assert not changed[~grown].any()
    assert changed[grown & ~less].mean() > 0.9


@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_an_adapter_of_another_base_is_refused(
    load: Load, adapter: Path, tiny_base: Path, tmp_path: Path, part: str
) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    path = base / part / "config.json"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(InputError, match=f"was trained on another {part}"):
        load(adapter, base)


def with_fill(adapter: Path, target: Path, fill: str) -> Path:
    """A copy of an adapter that was trained on conditions of another fill."""
    shutil.copytree(adapter, target)
    config = json.loads((target / "inpainting.json").read_text())
    config["condition"]["fill"] = fill
    (target / "inpainting.json").write_text(json.dumps(config))
    write_adapter_sums(target)
    return target


@pytest.mark.parametrize("fill", get_args(Fill))
def test_inference_and_training_get_the_same_conditions_at_sizes_off_the_grid(
    load: Load, adapter: Path, tiny_base: Path, tmp_path: Path, fill: str
) -> None:
    """The hole comes near the lower right edge, so that it matters whether it is padded or dilated first; and the
    sequence is longer than a window, so that it matters whether it is filled or cut first."""
    dataset, audit, latents = tmp_path / "dataset", tmp_path / "audit", tmp_path / "latents"
    for number in range(3):
        rgb = np.random.default_rng(number).integers(0, 256, (17, 30, 26, 3), dtype=np.uint8)
        mask = np.zeros((17, 30, 26), np.uint8)
        mask[:, 12:29, 6 + number : 25] = 255
        mask[3:5] = mask[12:14] = 0
        sequence.write_sequence(dataset / f"clip-{number}", rgb, mask, rgb)
    truths, conditions = ([shard_path(latents, content, 0)] for content in ("truth", fill))
    options = ["--latents-dtype", "float32", "--contents", f"truth,{fill}"]
    index = latents / "index.parquet"
    for command in (
        commands.audit(dataset, audit, "--frames", "17"),
        commands.split(audit / "manifest.parquet", audit / "split.tsv"),
        commands.encode(tiny_base, tmp_path, latents, *options),
        commands.index(audit / "split.tsv", truths, conditions, index),
    ):
        assert main(command) == 0
    cache = LatentCache(index, "train")
    assert cache.condition_source == fill
    window = cache[0]
    pipeline = load(with_fill(adapter, tmp_path / "filled", fill))
    seen = inputs_of(pipeline.transformer)
    clip = sequence.read_rgb(dataset / window.sequence, 0, 17)
    inpaint(pipeline, clip, sequence.read_mask(dataset / window.sequence, 0, 17), steps=1, seed=0)
    cached = torch.stack([cache[number].condition for number in range(2)])
    assert [cache[number].start for number in range(2)] == [0, 8]
    torch.testing.assert_close(seen[0][:, :, 16:32], cached, rtol=1e-3, atol=2e-4)
    batches = Batches(cache, LossSettings(), AugmentationSettings(), 2, len(cache), 0, COGVIDEOX_2B, AREA)
    (batch,) = batches.of_step(0, 0, 1, len(cache))
    shown = next(i for i in range(len(cache)) if torch.equal(batch.condition[i], window.condition))
    assert torch.equal(seen[0][0, :, 32:], batch.mask[shown])
