"""The pipeline that inpaints, a class of diffusers' kind: whatever is denoised in this project is denoised by it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from diffusers.utils import BaseOutput
from pydantic import ValidationError
from torch import Tensor
from transformers import T5EncoderModel, T5Tokenizer

from inpainting.baselines import fills
from inpainting.baselines.settings import Fill
from inpainting.conditioning.padding import Padding
from inpainting.core.errors import InputError
from inpainting.core.settings import error_sentences
from inpainting.models import loading
from inpainting.models.vae import prepare_vae
from inpainting.sampling import denoising, formats, on_disk, vae_windows
from inpainting.sampling.adapter_mixin import AdapterMixin, family_of
from inpainting.sampling.denoising import Known, RowScheduler, Scheduler
from inpainting.sampling.formats import Frames, OutputType
from inpainting.sampling.settings import STEPS
from inpainting.sampling.vae_windows import Conditions, OnProgress
from inpainting.sampling.window_schedule import Blend, WindowSchedule
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.reader import Picture
from inpainting.video.settings import MaskSettings, WindowSettings

log = logging.getLogger(__name__)

StepEnd = Callable[["CogVideoXInpaintPipeline", int, Tensor, dict[str, Tensor]], dict[str, Tensor]]
"""Called as `callback(pipeline, step, timestep, tensors)`; tensors in what it returns replace those of that name."""


@dataclass
class CogVideoXInpaintPipelineOutput(BaseOutput):
    """frames: the clip in the form that `output_type` says, by default uint8 [frames, height, width, 3]."""

    frames: Any


class CogVideoXInpaintPipeline(AdapterMixin):
    """Inpaints clips of any length and size with a CogVideoX and, where one was loaded, an adapter.

    Without an adapter the base model is left as it is and its known latents are replaced at each step. Loads and saves
    by folder as diffusers' pipelines do; a folder that holds a CogVideoXPipeline will do. One clip a call.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"
    _optional_components = ["tokenizer", "text_encoder"]  # noqa: RUF012 - diffusers reads it as it is
    _callback_tensor_inputs = ["latents", "prompt_embeds", "negative_prompt_embeds"]  # noqa: RUF012

    def __init__(
        self,
        tokenizer: T5Tokenizer | None,
        text_encoder: T5EncoderModel | None,
        vae: AutoencoderKLCogVideoX,
        transformer: CogVideoXTransformer3DModel,
        scheduler: Scheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=vae,
            transformer=transformer,
            scheduler=scheduler,
        )
        self.family = family_of(self)
        self._guidance_scale = 1.0
        self._num_timesteps = 0
        self._interrupt = False

    @property
    def guidance_scale(self) -> float:
        """That of the present call, or the last; a callback may set `pipeline._guidance_scale` for the next steps."""
        return self._guidance_scale

    @property
    def num_timesteps(self) -> int:
        """Denoising steps of the present call, or the last."""
        return self._num_timesteps

    @property
    def interrupt(self) -> bool:
        """Set `pipeline._interrupt` in a callback to end the denoising after the step, as in diffusers' pipelines."""
        return self._interrupt

    @torch.no_grad()
    def __call__(
        self,
        video: Any,
        mask: Any,
        prompt: str | None = None,
        negative_prompt: str | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float = 1.0,
        generator: torch.Generator | None = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        output_type: OutputType = "uint8",
        return_dict: bool = True,
        callback_on_step_end: StepEnd | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        mask_settings: MaskSettings | None = None,
        window: int | None = None,
        window_overlap: int | None = None,
        windows_at_once: int | None = None,
        blend: Blend = "latents",
        composite: bool = True,
        fill: Fill | None = None,
        filled: bool = False,
        on_progress: OnProgress = lambda windows: None,
    ) -> Any:
        """Inpaint a clip where its mask says so.

        video: a list of PIL images; an array [frames, height, width, 3] or a tensor [frames, 3, height, width], uint8
            or float in 0..1, which is rounded to 8 bits. Any number of frames, any size.
        mask: where to inpaint: bool (true), or as masks are stored (see `MaskSettings`: by default white), uint8 of 0
            and 255 or of 0 and 1, float in 0..1, PIL images of the mode L, 1 or RGB. [frames, height, width], or one
            image, [height, width], for all frames.
        prompt, negative_prompt: texts, for a pipeline with a text encoder. By default the prompt is the adapter's own,
            or empty, and the negative prompt is empty.
        num_inference_steps: the time taken is proportional to it; by default as many as validation chose for the
            adapter, or 50 where none did.
        guidance_scale: over 1, each step is done with the negative prompt, too, and takes twice as long; unless the
            prompts are the same, where guidance changes nothing.
        generator: on the CPU, by default PyTorch's own. The same state, machine and input give the same bits.
        latents: the noise to start from, float [1, latent frames, channels, height / 8, width / 8], with the latent
            frames of all windows, as a callback gets them; drawn with the generator by default.
        prompt_embeds, negative_prompt_embeds: in place of the texts, float [1, tokens, width].
        output_type: "uint8", frames as they were made and scored, [frames, height, width, 3]; "np", the same as float
            in 0..1; "pt", float in 0..1, [frames, 3, height, width]; "pil"; "latent", the denoised latents, shaped as
            `latents`; "stream", an iterator of frames, uint8 [height, width, 3], that decodes them as it is read.
        callback_on_step_end: called as `callback(pipeline, step, timestep, tensors)` after each step; the tensors that
            it returns, of those that `callback_on_step_end_tensor_inputs` may name, replace the pipeline's.
        mask_settings, window, window_overlap, fill: how masks are read, how the clip is cut, and what lies under the
            hole. Where an adapter is loaded, its own hold; without one by default those of `MaskSettings`, the frames
            that the base was made for, 4, and mid-grey.
        windows_at_once: windows in a batch; by default 2 on the CPU and 1 on a GPU. It changes nothing but rounding.
        blend: whether overlapping windows share each denoising step ("latents"), or fade into each other ("pixels").
        composite: whether known pixels are the video's own, to the bit; else all are the model's.
        filled: whether the video's hole was filled already, by `baselines.fills.fill`.
        on_progress: called with the number of windows that were encoded, denoised by a step, or decoded.

        Returns a CogVideoXInpaintPipelineOutput or, without `return_dict`, a tuple of its frames. Raises InputError, in
        one sentence and before anything is computed, where the arguments do not fit.
        """
        mask_settings, condition = mask_settings or MaskSettings(), self.condition
        if self.adapter is not None:
            mask_settings = self.adapter.masks
        elif fill is not None:
            condition = condition.model_copy(update={"fill": fill})
        dilation, source = mask_settings.mask_dilation, condition.condition_source
        steps = num_inference_steps
        if steps is None:
            steps = (self.adapter and self.adapter.sampling_steps) or STEPS
        rgb = formats.to_frames(video)
        hole = formats.to_hole(mask, rgb.shape[:3], mask_settings)
        schedule = self.plan(len(rgb), window, window_overlap, blend)
        padding = Padding(rgb.shape[1], rgb.shape[2], self.family.geometry)
        noise_shape = (schedule.row_count, self.vae.config.latent_channels, *padding.latent_size)
        self.check_inputs(prompt, negative_prompt, prompt_embeds, negative_prompt_embeds, latents, noise_shape)
        self.check_options(steps, generator, output_type, callback_on_step_end_tensor_inputs, windows_at_once)
        at_once = windows_at_once or self._windows_at_once
        self._guidance_scale, self._interrupt = guidance_scale, False

        prompt_embeds, negative_prompt_embeds = self.encode_prompt(
            prompt, negative_prompt, prompt_embeds, negative_prompt_embeds
        )
        if guidance_scale > 1 and torch.equal(prompt_embeds, negative_prompt_embeds):
            log.info("guidance is left out: prompt and negative prompt are the same, so that it would change nothing")
        shown = rgb if filled else fills.fill(rgb, masks.dilate(hole, dilation), source)
        conditions = vae_windows.encode_conditions(
            self._vae, shown, hole, schedule, padding, dilation, condition, at_once, on_progress
        )
        known = Known.of(schedule, condition.conditioning_entry, conditions.latents, conditions.mask)

        noisy = self._prepare_latents(noise_shape, latents, generator)
        velocity = on_disk.tensor(*noise_shape)
        self.family.resize_positions(self.transformer, padding.latent_size, schedule.length)
        scheduler = RowScheduler(self.scheduler, steps)
        self._num_timesteps = len(self.scheduler.timesteps)
        with self.progress_bar(total=self.num_timesteps) as bar:
            for step, timestep in enumerate(self.scheduler.timesteps):
                if self.interrupt:
                    break
                if known is not None:
                    known.put_back(noisy, partial(scheduler.add_noise, step, generator))
                velocity.zero_()
                for batch in schedule.batches(at_once):
                    predicted = self._predict(
                        noisy[schedule.rows_of(batch)],
                        conditions.of(batch),
                        timestep,
                        prompt_embeds,
                        negative_prompt_embeds,
                    )
                    denoising.add_windows(schedule, velocity, batch, predicted)
                    on_progress(len(batch))
                scheduler.step(step, velocity, noisy, generator)
                if callback_on_step_end is not None:
                    tensors = {"latents": noisy[None], "prompt_embeds": prompt_embeds}
                    tensors["negative_prompt_embeds"] = negative_prompt_embeds
                    asked = {name: tensors[name] for name in callback_on_step_end_tensor_inputs}
                    tensors |= callback_on_step_end(self, step, timestep, asked)
                    noisy.copy_(tensors["latents"][0])
                    prompt_embeds, negative_prompt_embeds = tensors["prompt_embeds"], tensors["negative_prompt_embeds"]
                bar.update()
        if known is not None:
            known.put_back(noisy)

        if output_type == "latent":
            self.maybe_free_model_hooks()
            frames: Any = noisy[None]
        else:
            made = self._decode(noisy, schedule, padding, at_once, on_progress)
            if composite:
                made = _composited(made, rgb, hole, dilation)
            frames = formats.to_output(made, output_type)
        return CogVideoXInpaintPipelineOutput(frames=frames) if return_dict else (frames,)

    def check_inputs(
        self,
        prompt: str | None,
        negative_prompt: str | None,
        prompt_embeds: Tensor | None,
        negative_prompt_embeds: Tensor | None,
        latents: Tensor | None,
        noise_shape: tuple[int, ...],
    ) -> None:
        """Raise InputError for prompts, or latents to start from, that are not what `__call__` takes."""
        text_size = self.family.text_size(self.transformer.config)
        for name, text, embeds in (
            ("prompt", prompt, prompt_embeds),
            ("negative_prompt", negative_prompt, negative_prompt_embeds),
        ):
            if text is not None and embeds is not None:
                raise InputError(f"{name} and {name}_embeds were both given; give one of them")
            if text is not None and not isinstance(text, str):
                raise InputError(f"{name} is a {type(text).__name__}; give one text, since a call inpaints one clip")
            if text and self.text_encoder is None:
                raise InputError(f"the {name} {text!r} can't be read, since the pipeline has no text encoder")
            if embeds is not None and embeds.shape != (1, *text_size):
                raise InputError(f"{name}_embeds is {list(embeds.shape)}; it has to be {[1, *text_size]}")
        if latents is not None and latents.shape != (1, *noise_shape):
            raise InputError(f"latents is {list(latents.shape)}; for this clip it has to be {[1, *noise_shape]}")

    def check_options(
        self,
        steps: int,
        generator: torch.Generator | None,
        output_type: str,
        callback_tensor_inputs: Sequence[str],
        windows_at_once: int | None,
    ) -> None:
        """Raise InputError for options that are not what `__call__` takes."""
        most = self.scheduler.config.num_train_timesteps
        if not 1 <= steps <= most:
            raise InputError(f"num_inference_steps is {steps}; it has to be 1 to {most}")
        if windows_at_once is not None and windows_at_once < 1:
            raise InputError(f"windows_at_once is {windows_at_once}; it has to be 1 or more")
        if isinstance(generator, list):
            raise InputError("generator is a list; give one generator, since a call inpaints one clip")
        if generator is not None and generator.device.type != "cpu":
            raise InputError(
                f"the generator is on {generator.device}; give one on the CPU, which draws the same anywhere"
            )
        if output_type not in get_args(OutputType):
            raise InputError(f"output_type is {output_type!r}; the types are {', '.join(get_args(OutputType))}")
        unknown = [name for name in callback_tensor_inputs if name not in self._callback_tensor_inputs]
        if unknown:
            known = ", ".join(self._callback_tensor_inputs)
            raise InputError(f"callback_on_step_end_tensor_inputs has {unknown[0]!r}; there are {known}")

    def encode_prompt(
        self,
        prompt: str | None = None,
        negative_prompt: str | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embeddings of prompt and negative prompt, float32 [1, tokens, width] on the CPU, or those that are given."""
        if prompt_embeds is None:
            own = self.default_prompt if prompt is None else None
            prompt_embeds = self._embed(prompt or "") if own is None else own
        if negative_prompt_embeds is None:
            negative_prompt_embeds = self._embed(negative_prompt or "")
        return prompt_embeds.float().cpu(), negative_prompt_embeds.float().cpu()

    def _embed(self, text: str) -> Tensor:
        """The embedding of a text; a base that has no text encoder takes zeros for the empty text."""
        length, width = self.family.text_size(self.transformer.config)
        if self.text_encoder is None:
            return torch.zeros(1, length, width)
        return loading.embed_text(self.tokenizer, self.text_encoder, text, length, self._device)

    def plan(
        self, frames: int, window: int | None = None, overlap: int | None = None, blend: Blend = "latents"
    ) -> WindowSchedule:
        """The windows of a clip: the adapter's, or without one by default as long as the base was made for.

        Raises InputError for windows that the model can't take.
        """
        if self.adapter is not None:
            window, overlap = self.adapter.windows.window, self.adapter.windows.window_overlap
        _, native_size = self.family.native_size(self.transformer.config)
        given = {"window": native_size if window is None else window}
        given |= {} if overlap is None else {"window_overlap": overlap}
        try:
            settings = WindowSettings(**given)
            self.family.geometry.check_window(settings.window)
        except ValidationError as error:
            raise InputError(error_sentences(error, WindowSettings, option=False)[0]) from error
        except ValueError as error:
            raise InputError(f"window: {error}") from error
        return WindowSchedule.plan(frames, settings.window, settings.window_overlap, self.family.geometry, blend)

    def reconstruct(self, frames: Frames, window: int | None = None, window_overlap: int | None = None) -> Frames:
        """A clip, uint8 [frames, height, width, 3], through the VAE and back, in the windows that `__call__` cuts.

        On average no inpainting with this VAE surpasses it.
        """
        schedule = self.plan(len(frames), window, window_overlap)
        padding = Padding(frames.shape[1], frames.shape[2], self.family.geometry)
        made = vae_windows.reconstruct_windows(self._vae, frames, schedule, padding, self._windows_at_once)
        return windows.join(made, schedule.starts, schedule.length, len(frames))

    @property
    def _device(self) -> torch.device:
        """Where parts compute, which is not where they wait when they are offloaded."""
        return torch.device(self._execution_device)

    @property
    def _windows_at_once(self) -> int:
        """Windows in a batch: 2 on the CPU, which is no slower on two than on one; 1 on a GPU, for its memory."""
        return 2 if self._device.type == "cpu" else 1

    @property
    def _vae(self) -> AutoencoderKLCogVideoX:
        """The VAE, its weights laid out for where it computes."""
        return prepare_vae(self.vae, self._device)

    def _prepare_latents(
        self, shape: tuple[int, ...], given: Tensor | None, generator: torch.Generator | None
    ) -> Tensor:
        """Noise [rows, channels, height, width], on disk, drawn row by row or as it was given."""
        latents = on_disk.tensor(*shape)
        for row in range(len(latents)):
            latents[row] = torch.randn(shape[1:], generator=generator) if given is None else given[0, row]
        return latents

    def _predict(
        self, noisy: Tensor, conditions: Conditions, timestep: Tensor, prompt: Tensor, negative_prompt: Tensor
    ) -> Tensor:
        """Velocities of a batch of windows, float32 on the CPU, moved away from the negative prompt by guidance."""
        velocity = self._velocity(noisy, conditions, timestep, prompt)
        if self.guidance_scale > 1 and not torch.equal(prompt, negative_prompt):
            away_from = self._velocity(noisy, conditions, timestep, negative_prompt)
            velocity = away_from + self.guidance_scale * (velocity - away_from)
        return velocity.cpu()

    def _velocity(self, noisy: Tensor, conditions: Conditions, timestep: Tensor, prompt: Tensor) -> Tensor:
        """Under autocast to the base weights' precision, so that they meet the float32 adapter."""
        batch, device, dtype = len(noisy), self._device, loading.lowest_dtype(self.transformer)
        condition, mask = self.condition.conditioning_entry.extra_channels(conditions.latents, conditions.mask)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            velocity = self.family.predict(
                self.transformer,
                noisy.to(device),
                None if condition is None else condition.to(device),
                None if mask is None else mask.to(device),
                prompt.to(device).expand(batch, -1, -1),
                timestep.expand(batch).to(device),
            )
        return velocity.float()

    def _decode(
        self, latents: Tensor, schedule: WindowSchedule, padding: Padding, at_once: int, on_progress: OnProgress
    ) -> Iterator[Picture]:
        """Frames of latents [rows, channels, height, width], one by one."""
        made = vae_windows.decode_windows(self._vae, latents, schedule, padding, at_once, on_progress)
        yield from windows.joined(made, schedule.starts, schedule.length, schedule.frames)
        self.maybe_free_model_hooks()


def _composited(made: Iterator[Picture], rgb: Frames, hole: Hole, dilation: int) -> Iterator[Picture]:
    """Frames as they were made in the hole, grown by `dilation` pixels, and those of `rgb` outside it."""
    for frame, known, inside in zip(made, rgb, hole, strict=True):
        yield masks.composite(frame, known, masks.dilate(inside[None], dilation)[0])
