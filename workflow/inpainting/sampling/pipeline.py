"""The diffusers pipeline that inpaints clips; validation, evaluation and `inpaint run` all call it."""

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
from inpainting.baselines.registry import FILLS
from inpainting.baselines.settings import Fill
from inpainting.conditioning.padding import Padding
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.settings import error_sentences
from inpainting.models import loading
from inpainting.models.vae import prepare_vae
from inpainting.sampling import arguments, formats, vae_windows
from inpainting.sampling.adapter_mixin import AdapterMixin, family_of
from inpainting.sampling.arguments import ArgumentError
from inpainting.sampling.denoising import (
    ClipDenoising,
    KnownLatents,
    LatentFrameScheduler,
    Scheduler,
    initial_latents,
)
from inpainting.sampling.formats import OutputType
from inpainting.sampling.prediction import Predictor
from inpainting.sampling.settings import DEFAULT_STEPS
from inpainting.sampling.vae_windows import OnProgress
from inpainting.sampling.window_schedule import Blend, WindowSchedule
from inpainting.video import masks, windows
from inpainting.video.clip import Frames
from inpainting.video.images import Picture
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

log = logging.getLogger(__name__)

StepEnd = Callable[["CogVideoXInpaintPipeline", int, Tensor, dict[str, Tensor]], dict[str, Tensor] | None]
"""Called as `callback(pipeline, step, timestep, tensors)`; the tensors it returns replace those of the same name."""


@dataclass
class CogVideoXInpaintPipelineOutput(BaseOutput):
    """frames: the clip in the form that `output_type` says, by default uint8 [frames, height, width, 3]."""

    frames: Any


class CogVideoXInpaintPipeline(AdapterMixin):
    """Inpaints clips of any length and size with a CogVideoX and an adapter.

    Without an adapter, the base's known latents are replaced at each step. `from_pretrained` and `save_pretrained` work
    as in diffusers, and a saved CogVideoXPipeline can be loaded. One clip per call.
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
        self.family, self.condition = family_of(self), self.unadapted
        self._guidance_scale = 1.0
        self._num_timesteps = 0
        self._interrupt = False

    @property
    def guidance_scale(self) -> float:
        """That of the current or last call; a callback may set `pipeline._guidance_scale` for the next steps."""
        return self._guidance_scale

    @property
    def num_timesteps(self) -> int:
        """Number of denoising steps of the current or last call."""
        return self._num_timesteps

    @property
    def interrupt(self) -> bool:
        """Whether to stop denoising; a callback sets `pipeline._interrupt` for that, as in diffusers' pipelines."""
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
        """Inpaint a clip where its mask is set.

        video: a list of PIL images; an array [frames, height, width, 3] or a tensor [frames, 3, height, width], uint8
            or float in 0..1, which is rounded to 8 bits. Any number of frames, any size.
        mask: where to inpaint: bool (true), or white (see `MaskSettings`) as uint8 in 0..255 or of 0 and 1, as float
            in 0..1, or as PIL images of the mode 1, L, RGB or RGBA. [frames, height, width], or one image, [height,
            width], for all frames; see `formats.to_hole` for channels.
        prompt, negative_prompt: texts, for a pipeline with a text encoder. By default the adapter's prompt, or the
            empty one, and an empty negative prompt.
        num_inference_steps: the time is proportional to it; by default as many as validation chose for the adapter, or
            50.
        guidance_scale: over 1, each step also predicts with the negative prompt and takes twice as long, unless both
            prompts are equal.
        generator: on the CPU, by default PyTorch's own. The same state, machine and input give the same bits.
        latents: the initial noise, float [1, clip latent frames, channels, height / 8, width / 8], with the latent
            frames of all windows, see `WindowSchedule`; by default drawn with the generator.
        prompt_embeds, negative_prompt_embeds: instead of the texts, float [1, tokens, width].
        output_type: "uint8", [frames, height, width, 3]; "np", the same as float in 0..1; "pt", float in 0..1, [frames,
            3, height, width]; "pil"; "latent", the denoised latents, shaped as `latents`; "stream", an iterator of
            frames, uint8 [height, width, 3], which are decoded as it is read.
        callback_on_step_end: called as `callback(pipeline, step, timestep, tensors)` after each step with the tensors
            that `callback_on_step_end_tensor_inputs` names; the tensors that it returns replace the pipeline's.
        mask_settings, window, window_overlap, fill: how masks are read, length and overlap of the windows, and what
            fills the hole. An adapter's own settings come first; without one, the defaults are those of `MaskSettings`,
            the frames that the base was trained with, 4, and mid-grey.
        windows_at_once: windows in a batch; by default 2 on the CPU and 1 on a GPU. Results differ by rounding alone.
        blend: whether overlapping windows are averaged at each denoising step ("latents") or their frames are
            cross-faded ("pixels").
        composite: whether known pixels are the video's own, bit for bit; else all are the model's.
        filled: whether the hole of the video is already filled, by `baselines.fills.fill`, and the mask united, by
            `masks.unite`.
        on_progress: called with the number of windows that were encoded, denoised by one step, or decoded.

        Returns a CogVideoXInpaintPipelineOutput or, without `return_dict`, a tuple of its frames. Raises ArgumentError,
        before anything is computed, for arguments that are not as described here.
        """
        mask_settings, condition, steps = self._resolve(mask_settings, fill, num_inference_steps)
        dilation = mask_settings.mask_dilation
        rgb = formats.to_frames(video)
        hole = formats.to_hole(mask, rgb.shape[:3], mask_settings)
        hole = hole if filled else masks.unite(hole, mask_settings.mask_union)
        if not hole.any():
            log.warning("the mask is empty: nothing is inpainted")
        schedule = self.plan(len(rgb), window, window_overlap, blend)
        padding = Padding(rgb.shape[1], rgb.shape[2], self.family.geometry)
        noise_shape = (schedule.clip_latent_frames, self.vae.config.latent_channels, *padding.latent_size)
        text_size = self.family.text_size(self.transformer.config)
        has_encoder = self.text_encoder is not None
        arguments.check_prompt("prompt", prompt, prompt_embeds, text_size, has_encoder)
        arguments.check_prompt("negative_prompt", negative_prompt, negative_prompt_embeds, text_size, has_encoder)
        arguments.check_latents(latents, noise_shape)
        arguments.check_generator(generator)
        arguments.check_number("num_inference_steps", steps, self.scheduler.config.num_train_timesteps)
        arguments.check_number("windows_at_once", windows_at_once)
        arguments.check_choice("output_type", output_type, get_args(OutputType))
        arguments.check_choice("blend", blend, get_args(Blend))
        if fill is not None:
            arguments.check_choice("fill", fill, tuple(FILLS))
        for name in callback_on_step_end_tensor_inputs:
            arguments.check_choice("callback_on_step_end_tensor_inputs", name, self._callback_tensor_inputs)
        batch_size = windows_at_once or vae_windows.default_batch_size(self._device)
        self._guidance_scale, self._interrupt = guidance_scale, False

        prompt_embeds, negative_prompt_embeds = self.encode_prompt(
            prompt, negative_prompt, prompt_embeds, negative_prompt_embeds
        )
        if guidance_scale > 1 and torch.equal(prompt_embeds, negative_prompt_embeds):
            log.info("guidance is left out, since prompt and negative prompt are equal")
        conditioned = rgb if filled else fills.fill(rgb, masks.dilate(hole, dilation), condition.condition_source)
        conditions = vae_windows.encode_conditions(
            self._vae, conditioned, hole, schedule, padding, dilation, condition, batch_size, on_progress
        )
        known = KnownLatents.from_windows(schedule, condition.conditioning_entry, conditions.latents, conditions.mask)
        clip_latents = initial_latents(noise_shape, latents, generator)
        self.family.resize_positions(self.transformer, padding.latent_size, schedule.length)
        scheduler = LatentFrameScheduler(self.scheduler, steps)
        denoising = ClipDenoising(clip_latents, schedule, conditions, known, scheduler, generator, batch_size)
        embeds = {"prompt_embeds": prompt_embeds, "negative_prompt_embeds": negative_prompt_embeds}
        self._denoise(denoising, embeds, on_progress, callback_on_step_end, callback_on_step_end_tensor_inputs)
        if output_type == "latent":
            self.maybe_free_model_hooks()
            frames: Any = clip_latents[None]
        else:
            decoded = self._decode(clip_latents, schedule, padding, batch_size, on_progress)
            if composite:
                decoded = _composited(decoded, rgb, hole, dilation)
            frames = formats.to_output(decoded, output_type)
        return CogVideoXInpaintPipelineOutput(frames=frames) if return_dict else (frames,)

    def encode_prompt(
        self,
        prompt: str | None = None,
        negative_prompt: str | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embeddings of prompt and negative prompt, float32 [1, tokens, width] on the CPU; given ones are kept."""
        if prompt_embeds is None:
            default = self.default_prompt if prompt is None else None
            prompt_embeds = self._embed(prompt or "") if default is None else default
        if negative_prompt_embeds is None:
            negative_prompt_embeds = self._embed(negative_prompt or "")
        return prompt_embeds.float().cpu(), negative_prompt_embeds.float().cpu()

    def _embed(self, text: str) -> Tensor:
        """Embeddings of a text; zeros for a base without a text encoder, which was trained with them."""
        length, width = self.family.text_size(self.transformer.config)
        if self.text_encoder is None:
            return torch.zeros(1, length, width)
        return loading.embed_text(self.tokenizer, self.text_encoder, text, length, self._device)

    def plan(
        self, frames: int, window: int | None = None, overlap: int | None = None, blend: Blend = "latents"
    ) -> WindowSchedule:
        """The windows of a clip by the adapter's settings, or by the arguments if no adapter is loaded.

        The default length is the number of frames that the base was trained with. Raises ArgumentError for windows
        that the model does not accept.
        """
        if self.adapter is not None:
            window, overlap = self.adapter.windows.window, self.adapter.windows.window_overlap
        _, native_frames = self.family.native_size(self.transformer.config)
        given = {"window": native_frames if window is None else window}
        given |= {} if overlap is None else {"window_overlap": overlap}
        try:
            settings = WindowSettings(**given)
            self.family.geometry.check_window(settings.window)
        except ValidationError as error:
            raise ArgumentError(error_sentences(error, WindowSettings, option=False)[0]) from error
        except ValueError as error:
            raise ArgumentError(f"window: {error}") from error
        return WindowSchedule.plan(frames, settings.window, settings.window_overlap, self.family.geometry, blend)

    @property
    def _device(self) -> torch.device:
        """The device that models compute on; with CPU offload their weights may be elsewhere."""
        return torch.device(self._execution_device)

    @property
    def _vae(self) -> AutoencoderKLCogVideoX:
        """The VAE, prepared."""
        return prepare_vae(self.vae)

    def _resolve(
        self, mask_settings: MaskSettings | None, fill: Fill | None, steps: int | None
    ) -> tuple[MaskSettings, ConditionSettings, int]:
        """Mask settings, conditioning and denoising steps: the adapter's, else the arguments, else the defaults."""
        if steps is None:
            steps = (self.adapter and self.adapter.sampling_steps) or DEFAULT_STEPS
        if self.adapter is not None:
            return self.adapter.masks, self.condition, steps
        condition = self.condition if fill is None else self.condition.model_copy(update={"fill": fill})
        return mask_settings or MaskSettings(), condition, steps

    def _denoise(
        self,
        denoising: ClipDenoising,
        embeds: dict[str, Tensor],
        on_progress: OnProgress,
        callback: StepEnd | None,
        callback_inputs: Sequence[str],
    ) -> None:
        """All steps, with the callback after each; embeds: prompt_embeds and negative_prompt_embeds."""
        predictor = Predictor(self.transformer, self.family, self.condition.conditioning_entry, self._device)
        self._num_timesteps = len(self.scheduler.timesteps)
        with self.progress_bar(total=self.num_timesteps) as bar:
            for step, timestep in enumerate(self.scheduler.timesteps):
                if self.interrupt:
                    break
                predict = partial(
                    predictor.guided,
                    prompt_embeds=embeds["prompt_embeds"],
                    negative_prompt_embeds=embeds["negative_prompt_embeds"],
                    guidance_scale=self.guidance_scale,
                )
                denoising.step(step, predict, on_progress)
                if callback is not None:
                    tensors = {"latents": denoising.latents[None], **embeds}
                    tensors |= callback(self, step, timestep, {name: tensors[name] for name in callback_inputs}) or {}
                    denoising.latents.copy_(tensors["latents"][0])
                    embeds = {name: tensors[name] for name in embeds}
                bar.update()
        denoising.restore_known()

    def _decode(
        self, latents: Tensor, schedule: WindowSchedule, padding: Padding, batch_size: int, on_progress: OnProgress
    ) -> Iterator[Picture]:
        """Decode the clip's latents, [clip latent frames, channels, rows, columns], to frames, one by one."""
        decoded = vae_windows.decode_windows(self._vae, latents, schedule, padding, batch_size, on_progress)
        yield from windows.joined(decoded, schedule.starts, schedule.length, schedule.frames)
        self.maybe_free_model_hooks()


def _composited(decoded: Iterator[Picture], rgb: Frames, hole: Hole, dilation: int) -> Iterator[Picture]:
    """Decoded frames inside the hole, dilated by `dilation` pixels, and those of `rgb` outside it."""
    for frame, known, inside in zip(decoded, rgb, hole, strict=True):
        yield masks.composite(frame, known, masks.dilate(inside[None], dilation)[0])
