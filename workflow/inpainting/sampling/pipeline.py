"""The pipeline that inpaints, a class of diffusers' kind: whatever is denoised in this project is denoised by it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel, DiffusionPipeline
from diffusers.utils import BaseOutput
from numpy.typing import NDArray
from torch import Tensor
from transformers import T5EncoderModel, T5Tokenizer

from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.errors import InputError
from inpainting.models import bases, loading
from inpainting.models.family import Family
from inpainting.models.lora import without_lora
from inpainting.models.vae import arranged
from inpainting.sampling import sampler
from inpainting.sampling.conditioned_clip import Clip, condition_clip
from inpainting.sampling.denoising import Scheduler
from inpainting.sampling.sampler import Denoising, Models
from inpainting.sampling.settings import STEPS
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

ADAPTER = "adapter"
"""Folder of the adapter in a pipeline that was saved with one."""


UNTRAINED = ConditionSettings(conditioning="replace")
"""How a base is shown a clip that was never trained to inpaint."""

StepEnd = Callable[["CogVideoXInpaintPipeline", int, Tensor, dict[str, Tensor]], dict[str, Tensor]]
"""Called as `callback(pipeline, step, timestep, {"latents": ...})`; `latents` in what it returns replace them."""


@dataclass
class CogVideoXInpaintPipelineOutput(BaseOutput):
    """frames: uint8 [frames, height, width, 3]."""

    frames: Clip


class CogVideoXInpaintPipeline(DiffusionPipeline):
    """Inpaints clips of any length and size with a CogVideoX and, where one was loaded, an adapter.

    Without an adapter the base model is left as it is and its known latents are replaced at each step. Loads and saves
    by folder as diffusers' pipelines do; a folder that holds a CogVideoXPipeline will do.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"
    _optional_components = ["tokenizer", "text_encoder"]  # noqa: RUF012 - diffusers reads it as it is
    _callback_tensor_inputs = ["latents"]  # noqa: RUF012

    def __init__(
        self,
        tokenizer: T5Tokenizer | None,
        text_encoder: T5EncoderModel | None,
        vae: AutoencoderKLCogVideoX,
        transformer: CogVideoXTransformer3DModel,
        scheduler: Scheduler,
    ) -> None:
        super().__init__()
        self.family = _family(transformer, vae, scheduler)
        self.register_modules(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            vae=vae,
            transformer=transformer,
            scheduler=scheduler,
        )
        self.adapter: AdapterConfig | None = None
        self.condition = UNTRAINED
        self.prompt: Tensor | None = None
        self._interrupt = False

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """Load a pipeline, and the adapter that `save_pretrained` may have put into its folder."""
        pipeline = super().from_pretrained(folder, **options)
        saved = Path(folder) / ADAPTER
        if saved.is_dir():
            return pipeline._take_adapter(saved)
        _family(pipeline.transformer, pipeline.vae, pipeline.scheduler, widened=False)
        return pipeline

    def load_adapter(self, folder: str | Path, base: str | None = None) -> Self:
        """Load a folder that training or `inpaint export` wrote; its mask and window settings then hold.

        `base` is where the pipeline was loaded from, where it was not by `from_pretrained`. Raises InputError when the
        adapter is damaged, was trained on another base model, or is not the first one.
        """
        config = adapters.read_adapter_config(Path(folder))
        if self.adapter is not None:
            raise InputError(f"{folder}: the pipeline has an adapter already; load it into a fresh pipeline")
        base = base or str(self.config.get("_name_or_path") or "")
        for part, digest in (("transformer", config.transformer_digest), ("vae", config.vae_digest)):
            if base and digest != loading.part_digest(base, part):
                raise InputError(f"{folder} was trained on another {part} ({config.base}) than {base} holds")
        if config.random_base is not None:
            loading.draw_weights(self.transformer, config.random_base)
        return self._take_adapter(Path(folder))

    def _take_adapter(self, folder: Path) -> Self:
        adapters.load_adapter(self.transformer, folder)
        self.adapter = adapters.read_adapter_config(folder)
        self.condition = self.adapter.condition
        self.prompt = read_prompt(folder / adapters.PROMPT_FILE)
        return self

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Write the pipeline, and its adapter in a folder of its own: `from_pretrained` gives the same pixels again."""
        adapted, config, prompt = self.transformer, self.adapter, self.prompt
        if config is None or prompt is None:
            super().save_pretrained(folder, **options)
            return
        self.register_modules(transformer=without_lora(adapted))
        try:
            super().save_pretrained(folder, **options)
        finally:
            self.register_modules(transformer=adapted)
        adapters.save_adapter(Path(folder) / ADAPTER, adapted, config, prompt)

    @property
    def interrupt(self) -> bool:
        """Set `pipeline._interrupt` in a callback to end the denoising after the step, as in diffusers' pipelines."""
        return self._interrupt

    @torch.no_grad()
    def __call__(
        self,
        video: Clip | Sequence[Any],
        mask: NDArray[np.uint8] | Hole | Sequence[Any],
        prompt: str | None = None,
        negative_prompt: str | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float = 1.0,
        generator: torch.Generator | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        mask_settings: MaskSettings | None = None,
        window: int | None = None,
        window_overlap: int | None = None,
        windows_at_once: int | None = None,
        composite: bool = True,
        return_dict: bool = True,
        callback_on_step_end: StepEnd | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Inpaint a clip where its mask says so.

        video: uint8 [frames, height, width, 3], or a list of PIL images; any number of frames, any size.
        mask: uint8 [frames, height, width] as masks are stored (white where to inpaint, see `MaskSettings`), bool of
            that shape (true where to inpaint), a list of PIL images, or one image, [height, width], for all frames.
        prompt, prompt_embeds: a text, or its embedding, float [1, tokens, width]; by default the adapter's own, else
            the empty text's. A text needs the text encoder to be loaded.
        num_inference_steps: the time taken is proportional to it; by default as many as validation chose for the
            adapter, or 50 where none did.
        guidance_scale: over 1, each step is done with the negative prompt, too, and takes twice as long.
        generator: on the CPU. The same state, machine and input give the same bits, whatever `windows_at_once`.
        mask_settings, window, window_overlap: the adapter's where one is loaded; without one the defaults of
            `MaskSettings`, the frames that the base model was made for, and 4.
        windows_at_once: windows in a batch; by default 2 on the CPU and 1 on a GPU.
        composite: whether known pixels are the video's own, to the bit; else all are the model's.
        callback_on_step_end: called as `callback(pipeline, step, timestep, {"latents": ...})` after each step; latents
            are [1, rows, channels, height, width], the latent frames of all windows. It returns a dictionary, and
            `latents` in it replace them.

        Returns a CogVideoXInpaintPipelineOutput or, without `return_dict`, a tuple of its frames. Raises InputError
        where video, mask and prompt do not fit.
        """
        step_end = self._step_end(callback_on_step_end, callback_on_step_end_tensor_inputs)
        mask_settings = self.adapter.masks if self.adapter else mask_settings or MaskSettings()
        dilation = mask_settings.mask_dilation
        rgb = np.stack([np.asarray(frame) for frame in video])
        hole = _hole(mask, rgb, mask_settings)
        clip = condition_clip(rgb, hole, dilation, self.condition.condition_source)
        timeline = self.plan(len(rgb), window, window_overlap)
        steps = num_inference_steps or (self.adapter and self.adapter.sampling_steps) or STEPS
        self._interrupt = False
        with self.progress_bar(total=steps * len(timeline.starts)) as bar:
            how = Denoising(
                steps=steps,
                prompt=self.embedding(prompt) if prompt_embeds is None else prompt_embeds,
                generator=generator or torch.Generator().manual_seed(torch.seed() % 2**63),
                guidance=guidance_scale,
                negative=self.embedding(negative_prompt or "")
                if negative_prompt_embeds is None
                else negative_prompt_embeds,
                at_once=windows_at_once or self.windows_at_once,
                stepped=bar.update,
                step_end=step_end,
            )
            made = sampler.inpaint_windows(self.models, clip, timeline, dilation, how)
            raw = windows.join(made, timeline.starts, timeline.length, len(rgb))
        frames = masks.composite(raw, rgb, masks.dilate(hole, dilation)) if composite else raw
        return CogVideoXInpaintPipelineOutput(frames=frames) if return_dict else (frames,)

    def _step_end(self, callback: StepEnd | None, inputs: Sequence[str]) -> Callable[[int, Tensor, Tensor], bool]:
        """What `Denoising.step_end` calls, as `__call__` was told; raises ValueError for inputs that there are not."""
        unknown = set(inputs) - set(self._callback_tensor_inputs)
        if unknown:
            raise ValueError(f"callback_on_step_end_tensor_inputs: {unknown} is not in {self._callback_tensor_inputs}")

        def step_end(number: int, timestep: Tensor, latents: Tensor) -> bool:
            if callback is not None:
                returned = callback(self, number, timestep, dict.fromkeys(inputs, latents[None]))
                latents.copy_(returned.get("latents", latents[None])[0])
            return self._interrupt

        return step_end

    @property
    def models(self) -> Models:
        """The parts that inpaint, and the device that they compute on."""
        device = torch.device(self._execution_device)
        return Models(self.family, self.condition, arranged(self.vae, device), self.transformer, self.scheduler, device)

    @property
    def windows_at_once(self) -> int:
        """Windows in a batch: 2 on the CPU, which is no slower on two than on one; 1 on a GPU, for its memory."""
        return 2 if self.models.device.type == "cpu" else 1

    def plan(self, frames: int, window: int | None = None, overlap: int | None = None) -> Timeline:
        """The windows of a clip: the adapter's, or without one by default as long as the base was made for."""
        if self.adapter is not None:
            window, overlap = self.adapter.windows.window, self.adapter.windows.window_overlap
        defaults = WindowSettings(window=self.transformer.config.sample_frames)
        return Timeline.plan(
            frames,
            defaults.window if window is None else window,
            defaults.window_overlap if overlap is None else overlap,
            self.family.geometry,
        )

    def embedding(self, prompt: str | None) -> Tensor:
        """The embedding of a text, float32 [1, tokens, width]; of none, the adapter's own or else the empty text's.

        A base that has no text encoder takes zeros for the empty text. Raises InputError for any other.
        """
        if prompt is None and self.prompt is not None:
            return self.prompt
        length, width = self.family.text_size(self.transformer.config)
        if self.text_encoder is not None:
            device = torch.device(self._execution_device)
            return loading.embed_text(self.tokenizer, self.text_encoder, prompt or "", length, device)
        if prompt:
            raise InputError(f"the prompt {prompt!r} can't be read, since the pipeline has no text encoder")
        return torch.zeros(1, length, width)


def _family(
    transformer: CogVideoXTransformer3DModel, vae: AutoencoderKLCogVideoX, scheduler: Scheduler, widened: bool = True
) -> Family:
    """The family of loaded parts; widened: whether the transformer may take more channels in than it puts out.

    Raises InputError for parts of no known family.
    """
    config = dict(transformer.config)
    if widened:
        config["in_channels"] = config["out_channels"]
    try:
        return bases.family_of(config, vae.config, scheduler.config)
    except ValueError as error:
        raise InputError(f"{transformer.config.get('_name_or_path') or 'the transformer'} {error}") from error


def _hole(mask: NDArray[np.uint8] | Hole | Sequence[Any], rgb: Clip, settings: MaskSettings) -> Hole:
    """The hole, not dilated, bool [frames, height, width], of what `__call__` takes as a mask."""
    pictures = [np.asarray(picture) for picture in mask] if isinstance(mask, list | tuple) else mask
    stored = np.asarray(pictures)
    stored = np.broadcast_to(stored, rgb.shape[:3]) if stored.ndim == 2 and stored.shape == rgb.shape[1:3] else stored
    if stored.shape != rgb.shape[:3]:
        raise InputError(f"the frames are {shape_of(rgb)} and the masks {shape_of(stored)}; they must agree")
    return stored if stored.dtype == np.bool_ else masks.to_hole(stored, settings)


def shape_of(clip: NDArray[Any]) -> str:
    """`9 of 640x480` for [frames, height, width, ...]; the bare shape of anything else."""
    return f"{clip.shape[0]} of {clip.shape[2]}x{clip.shape[1]}" if clip.ndim > 2 else str(clip.shape)
