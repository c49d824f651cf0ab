"""The model of `inpaint run`: its options, and the pipeline, which is loaded when the first clip needs it."""

import logging
from functools import cached_property
from typing import Any

import torch
from diffusers import CogVideoXDPMScheduler

from inpainting.baselines.settings import ConditionSource
from inpainting.conditioning.adapter import AdapterConfig, read_adapter_config
from inpainting.conditioning.padding import Padding
from inpainting.core.errors import UsageError
from inpainting.core.settings import existing
from inpainting.models import bases, loading
from inpainting.models import vae as vae_latents
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.formats import OutputType
from inpainting.sampling.loading import check_offloading, load_pipeline, noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.sampling.settings import DEFAULT_STEPS, RunCommand
from inpainting.sampling.vae_windows import OnProgress
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings

log = logging.getLogger(__name__)

DEFAULT_BASE = "models/nano"
HOW_MASKS_ARE_STORED = frozenset({"mask_threshold", "mask_invert"})
"""Mask settings that options change even with an adapter: a clip's masks may be stored otherwise than the dataset's."""


class RunModel:
    """The settings, with base, masks, windows and steps from the adapter, and the pipeline.

    Raises UsageError for an option that names something that does not exist or that the device can't do.
    """

    def __init__(self, settings: RunCommand) -> None:
        adapter = None
        if settings.adapter is not None:
            adapter = read_adapter_config(existing(settings.adapter, "--adapter", "a folder that training wrote"))
        base = find_base(settings.base, adapter)
        family = bases.family(base)
        if adapter is None:
            bases.check_window(family, settings.window)
        if settings.steps is not None and settings.steps > family.timesteps:
            raise UsageError(f"--steps: {settings.steps} was given; {family.name} takes 1 to {family.timesteps}")
        check_offloading(settings)
        if settings.quantization and settings.fuse_lora:
            raise UsageError("--fuse-lora: LoRA can't be added to quantized weights; leave it out, or --quantization")
        chosen: dict[str, Any] = {"base": base, "steps": settings.steps or DEFAULT_STEPS}
        if adapter is not None:
            chosen["steps"] = settings.steps or adapter.sampling_steps or DEFAULT_STEPS
            stored = {name: getattr(settings, name) for name in HOW_MASKS_ARE_STORED & settings.model_fields_set}
            chosen |= adapter.masks.model_dump() | adapter.windows.model_dump() | stored
        self.adapter = adapter
        self.settings = settings.model_copy(update=chosen)

    def log_settings(self) -> None:
        """Log the adapter's settings, or that the base is used without an adapter."""
        if self.adapter is not None:
            parts = (self.settings.section(MaskSettings), self.adapter.windows, self.adapter.condition)
            log.info("the adapter's settings apply: %s", " ".join(part.to_options() for part in parts))
            return
        base, (_, frames) = self.settings.base, bases.native_size(self.settings.base)
        log.info(
            "no --adapter: %s is not trained for inpainting; its known latents are replaced at each step, and results "
            "are rough",
            base,
        )
        if frames < self.settings.window:
            log.info("%s was trained with %d frames; --window %d may give better results", base, frames, frames)

    @property
    def condition_source(self) -> ConditionSource:
        """What the VAE encodes as the condition: the adapter's source, or without an adapter --fill."""
        return self.settings.fill if self.adapter is None else self.adapter.condition.condition_source

    @cached_property
    def pipeline(self) -> CogVideoXInpaintPipeline:
        """The pipeline, loaded at first use."""
        settings = self.settings
        pipeline = load_pipeline(settings.section(InferenceSettings), settings.adapter, settings.prompt)
        if settings.scheduler == "dpm":
            pipeline.scheduler = CogVideoXDPMScheduler.from_config(pipeline.scheduler.config)
        if settings.vae_tiling:
            pipeline.vae.enable_tiling()
        if settings.fuse_lora and settings.adapter is not None:
            pipeline.transformer.fuse_lora()
        if settings.compile:
            pipeline.transformer.compile()
        return pipeline

    @cached_property
    def _negative_prompt_embeds(self) -> torch.Tensor | None:
        """Embeddings of the empty prompt for guidance, or None without guidance."""
        if self.settings.guidance <= 1:
            return None
        return loading.encode_prompt(self.settings.base, "", loading.resolve_device(self.settings.device))

    def inpaint(
        self,
        video: Frames,
        hole: Hole,
        output_type: OutputType,
        composite: bool,
        on_progress: OnProgress,
        filled: bool = False,
    ) -> Any:
        """Call the pipeline with the settings; arguments and result as `CogVideoXInpaintPipeline.__call__`.

        video: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
        """
        settings = self.settings
        return self.pipeline(
            video,
            hole,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            generator=noise_generator(settings.seed),
            negative_prompt_embeds=self._negative_prompt_embeds,
            output_type=output_type,
            mask_settings=settings.section(MaskSettings),
            window=settings.window,
            window_overlap=settings.window_overlap,
            windows_at_once=settings.windows_at_once,
            blend=settings.blend,
            composite=composite,
            fill=settings.fill,
            filled=filled,
            on_progress=on_progress,
        ).frames

    def check_tiling(self, size: tuple[int, int]) -> None:
        """Raise UsageError if tiling fails for frames of a size (width, height), as tried with one grey frame."""
        padding = Padding(size[1], size[0], self.pipeline.family.geometry)
        rows, columns = padding.added
        grey = torch.zeros(1, 1, 3, padding.height + rows, padding.width + columns)
        try:
            vae = self.pipeline.vae
            fits = vae_latents.decode(vae, vae_latents.encode(vae, grey)[0]).shape == grey.shape
        except RuntimeError:
            fits = False
        if not fits:
            raise UsageError(f"--vae-tiling: the VAE's tiles do not fit frames of {size[0]}x{size[1]}; leave it out")


def find_base(given: str, adapter: AdapterConfig | None) -> str:
    """The base's folder or hub name: the given one, else the adapter's, else models/nano.

    A relative folder is searched in the current folder, then in the project's; an adapter's hub model in the hub's
    cache. Raises UsageError if the adapter's or the default base is in neither, InputError if it is not downloaded.
    """
    base = given or (adapter.base if adapter else DEFAULT_BASE)
    if folder := bases.find_folder(base):
        return folder
    if given:
        return base
    if adapter and adapter.base_revision:
        return str(bases.local_folder(base, revision=adapter.base_revision))
    whose = "the adapter was trained on" if adapter else "the default base is"
    raise UsageError(
        f"--base: {whose} {base}, which is neither in the current folder nor in {bases.PROJECT}; give its folder"
    )
