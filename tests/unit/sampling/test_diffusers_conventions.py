"""The conventions of diffusers' pipelines, as the PipelineTesterMixin of its own tests holds them.

What the mixin holds is held here in our words, on a CPU, for one clip a call. Of its tests these do not apply:

| test of the mixin | why not |
|---|---|
| inference_batch_consistent, inference_batch_single_identical, num_images_per_prompt | one clip a call |
| float16_inference, to_device with a GPU, pipeline_with_accelerator_device_map | they need a GPU |
| sequential_cpu_offload_forward_pass, sequential_offload_forward_pass_twice | likewise: accelerate fails on "cpu:0" |
| layerwise_casting_inference, group_offloading_*, pipeline_level_group_offloading_* | likewise; not offered |
| attention_slicing_forward_pass, xformers_attention_forwardGenerator_pass | CogVideoX has neither |
| encode_prompt_works_in_isolation | VAE and transformer are required: none is made of text parts alone |
| StableDiffusionMixin_component, multi_vae | of UNets and image VAEs |
| latents_input | there `latents` may be an encoded image; here it is the noise, as in text-to-video |
| loading_with_incorrect_variants_raises_error | diffusers' loader alone, nothing of which is ours |
"""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import CogVideoXPipeline
from inpainting.core.errors import InputError
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from torch import Tensor

from .conftest import NOISE, STEPS, Make, frames, inputs

OPTIONAL = {
    "num_inference_steps",
    "generator",
    "latents",
    "output_type",
    "return_dict",
    "callback_on_step_end",
    "callback_on_step_end_tensor_inputs",
}

PROMPTS = {"prompt", "negative_prompt", "guidance_scale", "prompt_embeds", "negative_prompt_embeds"}


def loaded(folder: Path, **options: Any) -> CogVideoXInpaintPipeline:
    """A pipeline that was saved, quiet."""
    pipeline = CogVideoXInpaintPipeline.from_pretrained(folder, **options)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_the_call_has_the_usual_arguments_and_requires_only_video_and_mask() -> None:
    parameters = inspect.signature(CogVideoXInpaintPipeline.__call__).parameters
    assert parameters.keys() >= OPTIONAL | PROMPTS
    required = {name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty}
    assert required == {"self", "video", "mask"}


def test_dictionary_and_tuple_have_the_same_frames(pipeline: CogVideoXInpaintPipeline) -> None:
    (from_tuple,) = pipeline(**inputs(), return_dict=False)
    assert np.array_equal(pipeline(**inputs())["frames"], from_tuple)


def test_components_make_an_equal_pipeline(make: Make) -> None:
    pipeline = make()
    names = {"tokenizer", "text_encoder", "vae", "transformer", "scheduler"}
    assert pipeline.components.keys() == names
    again = CogVideoXInpaintPipeline(**pipeline.components)
    again.set_progress_bar_config(disable=True)
    assert np.array_equal(frames(again), frames(pipeline))


def test_a_saved_pipeline_gives_the_same_pixels_and_diffusers_loads_its_base(
    pipeline: CogVideoXInpaintPipeline, make: Make, tmp_path: Path
) -> None:
    before = frames(pipeline)
    pipeline.save_pretrained(tmp_path)
    assert np.array_equal(frames(loaded(tmp_path)), before)
    plain = CogVideoXPipeline.from_pretrained(tmp_path, tokenizer=None, text_encoder=None)
    base = make().transformer.state_dict()
    assert plain.transformer.state_dict().keys() == base.keys()
    assert all(torch.equal(weight, base[name]) for name, weight in plain.transformer.state_dict().items())


def test_optional_components_stay_absent(make: Make, tmp_path: Path) -> None:
    pipeline = make()
    pipeline.save_pretrained(tmp_path)
    again = loaded(tmp_path)
    assert again.tokenizer is None and again.text_encoder is None
    assert np.array_equal(frames(again), frames(pipeline))


def test_a_pipeline_saved_in_float16_gives_the_same_pixels(make: Make, tmp_path: Path) -> None:
    pipeline = make().to(dtype=torch.float16)
    before = frames(pipeline)
    pipeline.save_pretrained(tmp_path)
    again = loaded(tmp_path, dtype=torch.float16)
    assert again.vae.dtype == again.transformer.dtype == torch.float16
    assert np.array_equal(frames(again), before)


def test_precisions_can_be_given_by_part(make: Make, tmp_path: Path) -> None:
    make().save_pretrained(tmp_path)
    again = loaded(tmp_path, dtype={"transformer": torch.bfloat16, "default": torch.float32})
    assert (again.transformer.dtype, again.vae.dtype) == (torch.bfloat16, torch.float32)
    assert frames(again).std() > 0


def test_variants_are_saved_and_loaded_by_name(make: Make, tmp_path: Path) -> None:
    pipeline = make()
    pipeline.save_pretrained(tmp_path, variant="fp16")
    assert list((tmp_path / "vae").glob("*.fp16.safetensors"))
    assert np.array_equal(frames(loaded(tmp_path, variant="fp16")), frames(pipeline))


def test_to_moves_every_part(make: Make) -> None:
    pipeline = make().to("cpu")
    assert {pipeline.vae.device.type, pipeline.transformer.device.type} == {"cpu"}
    pipeline.to(dtype=torch.bfloat16)
    assert {pipeline.vae.dtype, pipeline.transformer.dtype} == {torch.bfloat16}
    assert np.isfinite(frames(pipeline, output_type="np")).all()


def test_offloading_changes_no_pixel(pipeline: CogVideoXInpaintPipeline) -> None:
    before = frames(pipeline)
    pipeline.enable_model_cpu_offload(device="cpu")
    assert np.array_equal(frames(pipeline), before)
    assert np.array_equal(frames(pipeline), before)


def test_guidance_keeps_the_shape_and_changes_the_frames(pipeline: CogVideoXInpaintPipeline) -> None:
    prompts = {name: torch.randn(1, 4, 8) for name in ("prompt_embeds", "negative_prompt_embeds")}
    without, guided = (frames(pipeline, guidance_scale=scale, **prompts) for scale in (1.0, 7.5))
    assert pipeline.guidance_scale == 7.5
    assert without.shape == guided.shape and not np.array_equal(without, guided)


def test_a_callback_may_change_guidance_between_steps(pipeline: CogVideoXInpaintPipeline) -> None:
    def more(pipeline: CogVideoXInpaintPipeline, *_: Any) -> dict[str, Tensor]:
        pipeline._guidance_scale += 1
        return {}

    frames(pipeline, guidance_scale=2.0, callback_on_step_end=more)
    assert pipeline.num_timesteps == STEPS
    assert pipeline.guidance_scale == 2 + STEPS


def test_a_callback_gets_the_tensors_that_it_names_and_no_others(pipeline: CogVideoXInpaintPipeline) -> None:
    seen: list[set[str]] = []

    def look(_: Any, step: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append(set(tensors))
        return tensors

    for asked in (["latents"], CogVideoXInpaintPipeline._callback_tensor_inputs):
        frames(pipeline, callback_on_step_end=look, callback_on_step_end_tensor_inputs=asked)
        assert seen[-STEPS:] == [set(asked)] * STEPS
    with pytest.raises(InputError, match="callback_on_step_end_tensor_inputs: 'noise' was given"):
        frames(pipeline, callback_on_step_end=look, callback_on_step_end_tensor_inputs=["noise"])


def test_a_callback_may_change_each_tensor(pipeline: CogVideoXInpaintPipeline) -> None:
    def zeros(
        pipeline: CogVideoXInpaintPipeline, step: int, _: Tensor, tensors: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        return {"latents": 0 * tensors["latents"]} if step == pipeline.num_timesteps - 1 else {}

    assert not frames(pipeline, callback_on_step_end=zeros, output_type="latent").any()

    def other_prompt(*_: Any) -> dict[str, Tensor]:
        return {"prompt_embeds": torch.ones(1, 4, 8)}

    assert not np.array_equal(frames(pipeline, callback_on_step_end=other_prompt), frames(pipeline))


def test_a_callback_may_return_nothing(pipeline: CogVideoXInpaintPipeline) -> None:
    before = frames(pipeline)
    assert np.array_equal(frames(pipeline, callback_on_step_end=lambda *_: None), before)


def test_frames_that_are_not_finite_are_refused_and_not_painted_black(pipeline: CogVideoXInpaintPipeline) -> None:
    with pytest.raises(InputError, match="the model's frames hold NaN or infinity"):
        frames(pipeline, latents=torch.full(NOISE, torch.nan))


def test_an_interrupt_ends_this_call_and_not_the_next_one(pipeline: CogVideoXInpaintPipeline) -> None:
    steps: list[int] = []

    def stop(pipeline: CogVideoXInpaintPipeline, step: int, *_: Any) -> dict[str, Tensor]:
        steps.append(step)
        pipeline._interrupt = True
        return {}

    before = frames(pipeline)
    stopped = frames(pipeline, callback_on_step_end=stop)
    assert steps == [0] and pipeline.interrupt
    assert stopped.shape == before.shape and not np.array_equal(stopped, before)
    assert np.array_equal(frames(pipeline), before)


def test_given_latents_are_the_initial_noise(pipeline: CogVideoXInpaintPipeline) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.stack([torch.randn(NOISE[2:], generator=generator) for _ in range(NOISE[1])])[None]
    assert np.array_equal(frames(pipeline, latents=noise, generator=None), frames(pipeline))
    assert not np.array_equal(frames(pipeline, latents=2 * noise), frames(pipeline))


def test_without_a_generator_noise_comes_from_pytorchs_global_one(pipeline: CogVideoXInpaintPipeline) -> None:
    torch.manual_seed(3)
    first, second = frames(pipeline, generator=None), frames(pipeline, generator=None)
    torch.manual_seed(3)
    assert np.array_equal(frames(pipeline, generator=None), first)
    assert not np.array_equal(second, first)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"prompt": ["a road", "a river"]}, "prompt is a list; give one text"),
        ({"prompt": "a road", "prompt_embeds": torch.zeros(1, 4, 8)}, "prompt and prompt_embeds were both given"),
        ({"prompt_embeds": torch.zeros(1, 5, 8)}, r"prompt_embeds is \[1, 5, 8\]; it has to be \[1, 4, 8\]"),
        ({"latents": torch.zeros(1, 3, 16, 4, 5)}, r"latents is .*; for this clip it has to be \[1, 3, 16, 4, 4\]"),
        ({"num_inference_steps": 1001}, "num_inference_steps is 1001; it has to be a whole number from 1 to 1000"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0; it has to be a whole number from 1 to 1000"),
        ({"generator": [torch.Generator()]}, "generator is a list; give one"),
        ({"generator": 3}, "generator is a int; give one"),
        ({"num_inference_steps": 2.5}, "num_inference_steps is 2.5"),
        ({"blend": "pixel"}, "blend: 'pixel' was given, but there are latents, pixels"),
        ({"fill": "gray"}, "fill: 'gray' was given, but there are flow_propagation, "),
        ({"windows_at_once": 0}, "windows_at_once is 0"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence_before_anything_is_computed(
    pipeline: CogVideoXInpaintPipeline, options: dict[str, Any], sentence: str
) -> None:
    computed: list[str] = []
    pipeline.transformer.register_forward_pre_hook(lambda *_: computed.append("transformer"))
    pipeline.vae.encoder.register_forward_pre_hook(lambda *_: computed.append("vae"))
    with pytest.raises(InputError, match=sentence) as raised:
        pipeline(**inputs(**options))
    assert "\n" not in str(raised.value)
    assert not computed


def test_windows_whose_length_the_vae_does_not_keep_are_refused(make: Make) -> None:
    with pytest.raises(InputError, match="window: 10 frames do not keep their length in the VAE"):
        make()(**inputs(window=10))


def test_guidance_between_equal_prompts_is_left_out_and_logged(
    pipeline: CogVideoXInpaintPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    passes: list[int] = []
    pipeline.transformer.register_forward_pre_hook(lambda *_: passes.append(1))
    prompt = torch.ones(1, 4, 8)
    with caplog.at_level("INFO"):
        spared = frames(pipeline, prompt_embeds=prompt, negative_prompt_embeds=prompt.clone(), guidance_scale=6.0)
    assert len(passes) == STEPS
    assert "guidance is left out" in caplog.text
    assert np.array_equal(spared, frames(pipeline, prompt_embeds=prompt))
    passes.clear()
    frames(pipeline, prompt_embeds=prompt, negative_prompt_embeds=0 * prompt, guidance_scale=6.0)
    assert len(passes) == 2 * STEPS


def test_unloading_an_adapter_restores_the_base_bit_for_bit(
    pipeline: CogVideoXInpaintPipeline, make: Make, adapter: Path, tiny_base: Path
) -> None:
    adapted, base = frames(pipeline), frames(make())
    pipeline.unload_adapter()
    assert pipeline.adapter is None
    assert np.array_equal(frames(pipeline), base)
    assert np.array_equal(frames(pipeline.load_adapter(adapter, str(tiny_base))), adapted)
    assert not np.array_equal(adapted, base)
