"""`inpaint run`'s options put to a model: loaded once, then used for every clip."""

import logging

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDPMScheduler

from inpainting.baselines.settings import ConditionSource, FillSettings
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.padding import Padding
from inpainting.core.errors import UsageError
from inpainting.models import bases, loading
from inpainting.models import vae as vae_latents
from inpainting.sampling.inpainter import Inpainter, load_inpainter
from inpainting.sampling.settings import STEPS, RunCommand
from inpainting.video.settings import MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def resolve(settings: RunCommand) -> RunCommand:
    """The settings with the adapter's masks, windows and fill in place of the command line's, and said in the log.

    The number of denoising steps is filled in.
    """
    settings = settings.model_copy(update={"steps": steps_of(settings)})
    if settings.adapter is not None:
        config = adapters.read_adapter_config(settings.adapter)
        parts = (config.masks, config.windows, config.condition)
        log.info("the adapter's settings hold: %s", " ".join(part.to_options() for part in parts))
        return settings.model_copy(update=config.masks.model_dump() | config.windows.model_dump())
    log.info(
        "no --adapter: %s is used as it is, untrained for inpainting, and its known latents are replaced at each step; "
        "expect rough results",
        settings.base,
    )
    (_, _), frames = bases.made_for(settings.base)
    if frames < settings.window:
        log.info(
            "%s was made for %d frames at a time; --window %d may give better results", settings.base, frames, frames
        )
    return settings


def steps_of(settings: RunCommand) -> int:
    """The denoising steps that are asked for, else those that validation chose for the adapter, else STEPS."""
    if settings.steps is not None:
        return settings.steps
    chosen = adapters.read_adapter_config(settings.adapter).sampling_steps if settings.adapter is not None else None
    return chosen or STEPS


def condition_source(settings: RunCommand) -> ConditionSource:
    """What the VAE encodes as the condition: the adapter's, or without one --fill."""
    if settings.adapter is not None:
        return adapters.read_adapter_config(settings.adapter).condition.condition_source
    return settings.section(FillSettings).fill


def check_compute(settings: RunCommand) -> None:
    """Raise UsageError where the device can't do what is asked for."""
    device = loading.resolve_device(settings.device)
    if settings.offload and device.type == "cpu":
        raise UsageError("--offload: there is no GPU to keep parts of the model off; leave it out")


def prepare(settings: RunCommand, size: tuple[int, int]) -> Inpainter:
    """Load the model for frames of a size (width, height); it takes others, too."""
    mask_settings, window_settings = settings.section(MaskSettings), settings.section(WindowSettings)
    inpainter = load_inpainter(
        settings, settings.adapter, size, mask_settings, window_settings, settings.prompt, fill=settings.fill
    )
    inpainter.blend, inpainter.guidance, inpainter.at_once = settings.blend, settings.guidance, settings.windows_at_once
    pipeline = inpainter.pipeline
    if settings.guidance > 1:
        inpainter.negative = loading.encode_prompt(settings.base, "", pipeline.models.device)
    if settings.scheduler == "dpm":
        pipeline.scheduler = CogVideoXDPMScheduler.from_config(pipeline.scheduler.config)
    if settings.vae_tiling:
        pipeline.vae.enable_tiling()
    if settings.compile:
        pipeline.transformer.compile()
    if settings.offload:
        pipeline.enable_model_cpu_offload()
    return inpainter


def check_tiling(inpainter: Inpainter, size: tuple[int, int]) -> None:
    """Raise UsageError where the VAE's tiles do not fit frames of a size (width, height): tried on one grey frame."""
    if not _tiles_fit(inpainter.pipeline.vae, Padding(size[1], size[0], inpainter.pipeline.family.geometry)):
        raise UsageError(f"--vae-tiling: the VAE's tiles do not fit frames of {size[0]}x{size[1]}; leave it out")


def _tiles_fit(vae: AutoencoderKLCogVideoX, padding: Padding) -> bool:
    height, width = (padding.geometry.cell * cells for cells in padding.latent_size)
    grey = torch.zeros(1, 1, 3, height, width)
    try:
        return vae_latents.decode(vae, vae_latents.encode(vae, grey)[0]).shape == grey.shape
    except RuntimeError:
        return False
