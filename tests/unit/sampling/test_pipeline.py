"""CogVideoXInpaintPipeline, used as diffusers' pipelines are."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import CogVideoXDPMScheduler
from inpainting.core.errors import InputError
from inpainting.models.adapter_files import CONFIG_FILE, LORA_FILE, PROMPT_FILE, WIDENED_FILE, write_sampling_steps
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.video import masks
from inpainting.video.clip import Frames
from PIL import Image
from torch import Tensor


@pytest.fixture
def base(tiny_base: Path) -> CogVideoXInpaintPipeline:
    """The tiny base as a pipeline, without an adapter."""
    return quiet(CogVideoXInpaintPipeline.from_pretrained(with_index(tiny_base)))


@pytest.fixture
def adapted(base: CogVideoXInpaintPipeline, adapter: Path) -> CogVideoXInpaintPipeline:
    """The tiny base with the tiny adapter."""
    return base.load_adapter(adapter)


def quiet(pipeline: CogVideoXInpaintPipeline) -> CogVideoXInpaintPipeline:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def with_index(base: Path) -> Path:
    """The folder itself, which a model_index.json of diffusers' CogVideoXPipeline is put into."""
    (base / "model_index.json").write_text(
        '{"_class_name": "CogVideoXPipeline", "scheduler": ["diffusers", "CogVideoXDDIMScheduler"], '
        '"text_encoder": [null, null], "tokenizer": [null, null], '
        '"transformer": ["diffusers", "CogVideoXTransformer3DModel"], "vae": ["diffusers", "AutoencoderKLCogVideoX"]}'
    )
    return base


def clip(frames: int = 13) -> tuple[Frames, Frames]:
    """Noise of 36x30 pixels, and masks of a box that moves."""
    rgb = np.random.default_rng(frames).integers(0, 256, (frames, 30, 36, 3), dtype=np.uint8)
    mask = np.zeros((frames, 30, 36), np.uint8)
    for frame in range(frames):
        mask[frame, 8:18, frame % 8 : frame % 8 + 10] = 255
    return rgb, mask


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_known_pixels_are_kept_bit_for_bit(adapted: CogVideoXInpaintPipeline) -> None:
    rgb, mask = clip()
    frames = adapted(rgb, mask, num_inference_steps=2, generator=seeded()).frames
    hole = masks.dilate(mask > 0, 2)
    assert frames.shape == rgb.shape
    assert np.array_equal(frames[~hole], rgb[~hole])
    (raw,) = adapted(rgb, mask, num_inference_steps=2, generator=seeded(), composite=False, return_dict=False)
    assert np.array_equal(frames[hole], raw[hole])
    assert not np.array_equal(raw[~hole], rgb[~hole])


def test_the_default_number_of_steps_is_that_of_the_adapter(
    base: CogVideoXInpaintPipeline, adapter: Path, tmp_path: Path
) -> None:
    chosen = shutil.copytree(adapter, tmp_path / "best")
    write_sampling_steps(chosen, 2)
    (rgb, mask), adapted = clip(), base.load_adapter(chosen)
    made = {steps: adapted(rgb, mask, num_inference_steps=steps, generator=seeded()).frames for steps in (None, 2, 3)}
    assert np.array_equal(made[None], made[2])
    assert not np.array_equal(made[None], made[3])


def test_images_bool_masks_and_one_mask_for_all_frames_are_accepted(adapted: CogVideoXInpaintPipeline) -> None:
    rgb, mask = clip(5)
    mask[:] = mask[0]
    wanted = adapted(rgb, mask, num_inference_steps=1, generator=seeded()).frames
    pictures = [Image.fromarray(frame) for frame in rgb]
    one: Any = np.int64(1)  # as whoever takes it from an array has it
    for given in (mask > 0, mask[0], [Image.fromarray(frame) for frame in mask]):
        assert np.array_equal(adapted(pictures, given, num_inference_steps=one, generator=seeded()).frames, wanted)


def test_batches_of_other_sizes_differ_by_rounding_alone(adapted: CogVideoXInpaintPipeline) -> None:
    rgb, mask = clip(25)
    one, three = (
        adapted(rgb, mask, num_inference_steps=2, generator=seeded(), windows_at_once=count).frames for count in (1, 3)
    )
    assert np.abs(one.astype(int) - three).max() <= 2


def test_a_pipeline_that_a_command_loads_gives_the_same_pixels(
    adapted: CogVideoXInpaintPipeline, tiny_base: Path, adapter: Path
) -> None:
    from inpainting.core import seeds

    rgb, mask = clip()
    model = InferenceSettings(base=str(tiny_base), device="cpu")
    generator = seeded(seeds.derive(5, "inference.noise"))
    frames = adapted(rgb, mask, num_inference_steps=2, generator=generator).frames
    loaded = load_pipeline(model, adapter)
    assert np.array_equal(loaded(rgb, mask, num_inference_steps=2, generator=noise_generator(5)).frames, frames)


@pytest.mark.parametrize("with_adapter", [True, False])
def test_a_saved_pipeline_gives_the_same_pixels(
    base: CogVideoXInpaintPipeline, adapter: Path, tmp_path: Path, with_adapter: bool
) -> None:
    if with_adapter:
        base.load_adapter(adapter)
    rgb, mask = clip(9)
    before = base(rgb, mask, num_inference_steps=2, generator=seeded()).frames
    base.save_pretrained(tmp_path / "saved")
    again = quiet(CogVideoXInpaintPipeline.from_pretrained(tmp_path / "saved"))
    assert np.array_equal(again(rgb, mask, num_inference_steps=2, generator=seeded()).frames, before)
    assert np.array_equal(base(rgb, mask, num_inference_steps=2, generator=seeded()).frames, before)
    if with_adapter:
        for name in (LORA_FILE, WIDENED_FILE, PROMPT_FILE, CONFIG_FILE):
            assert (tmp_path / "saved" / "adapter" / name).read_bytes() == (adapter / name).read_bytes()


def test_dpm_is_deterministic(adapted: CogVideoXInpaintPipeline) -> None:
    rgb, mask = clip(9)
    ddim = adapted(rgb, mask, num_inference_steps=3, generator=seeded()).frames
    adapted.scheduler = CogVideoXDPMScheduler.from_config(adapted.scheduler.config)
    first, second = (adapted(rgb, mask, num_inference_steps=3, generator=seeded()).frames for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, ddim)


def test_dpm_agrees_with_the_loop_of_diffusers_own_pipeline(adapted: CogVideoXInpaintPipeline) -> None:
    """Latents of one window, the stochastic steps fed with the same noise."""
    from inpainting.sampling import denoising

    scheduler = CogVideoXDPMScheduler.from_config(adapted.scheduler.config)
    start = torch.randn(3, 16, 4, 4, generator=seeded(1))

    def predict(latents: Tensor, timestep: Tensor) -> Tensor:
        return torch.tanh(latents * (1 + timestep / 1000))

    latents = start.clone()
    rows, noise = denoising.LatentFrameScheduler(scheduler, 4), seeded(2)
    for number, timestep in enumerate(scheduler.timesteps):
        rows.step(number, predict(latents, timestep), latents, noise)
    wanted, old, generator = start.clone(), None, seeded(2)
    for number, timestep in enumerate(scheduler.timesteps):
        velocity = predict(wanted, timestep)
        back = scheduler.timesteps[number - 1] if number else None
        steps = [
            scheduler.step(velocity[i], None if old is None else old[i], timestep, back, wanted[i], generator=generator)
            for i in range(3)
        ]
        wanted, old = (torch.stack([step[part] for step in steps]) for part in (0, 1))
    torch.testing.assert_close(latents, wanted)
    assert old is not None
    torch.testing.assert_close(latents, old, rtol=1e-4, atol=1e-4)


def test_a_callback_gets_each_step_and_may_change_the_latents_and_interrupt(adapted: CogVideoXInpaintPipeline) -> None:
    rgb, mask = clip(9)
    seen: list[int] = []

    def blank(
        pipeline: CogVideoXInpaintPipeline, step: int, timestep: Tensor, given: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        seen.append(int(timestep))
        assert given["latents"].shape == (1, 3, 16, 4, 6)
        pipeline._interrupt = step == 1
        return {"latents": given["latents"] * 0}

    frames = adapted(rgb, mask, num_inference_steps=4, generator=seeded(), callback_on_step_end=blank).frames
    assert seen == [999, 749]
    other = adapted(rgb, mask, num_inference_steps=4, generator=seeded(9), callback_on_step_end=blank).frames
    assert np.array_equal(frames, other)


def test_guidance_extrapolates_from_the_negative_prompt(adapted: CogVideoXInpaintPipeline) -> None:
    rgb, mask = clip(9)
    prompt, negative = (torch.randn(1, 4, 8, generator=seeded(number)) for number in (1, 2))

    def made(scale: float, negative: Tensor) -> Frames:
        return np.asarray(
            adapted(
                rgb,
                mask,
                num_inference_steps=2,
                generator=seeded(),
                guidance_scale=scale,
                prompt_embeds=prompt,
                negative_prompt_embeds=negative,
                composite=False,
            ).frames
        )

    plain = made(1.0, negative)
    assert np.abs(made(6.0, prompt).astype(int) - plain).max() <= 2
    assert np.abs(made(6.0, negative).astype(int) - plain).max() > 2


def test_without_an_adapter_a_window_has_the_bases_number_of_frames(base: CogVideoXInpaintPipeline) -> None:
    assert base.plan(30).length == 9
    rgb, mask = clip(9)
    assert base(rgb, mask, num_inference_steps=1, generator=seeded()).frames.shape == rgb.shape


def test_arguments_that_do_not_match_are_refused_in_one_sentence(
    base: CogVideoXInpaintPipeline, adapter: Path, tmp_path: Path
) -> None:
    rgb, mask = clip(9)
    with pytest.raises(InputError, match="9 of 36x30 and the masks 8 of 36x30"):
        base(rgb, mask[:8])
    with pytest.raises(InputError, match="no text encoder"):
        base(rgb, mask, prompt="an empty road")
    with pytest.raises(InputError, match="is not an adapter"):
        base.load_adapter(tmp_path)
    base.load_adapter(adapter)
    with pytest.raises(InputError, match="has an adapter already"):
        base.load_adapter(adapter)
