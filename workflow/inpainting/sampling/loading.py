"""The pipeline and the seeded noise of the commands that inpaint."""

from pathlib import Path

import torch

from inpainting.core import seeds
from inpainting.models import loading
from inpainting.models.settings import ModelSettings
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline


def load_pipeline(
    model: ModelSettings, adapter: Path | None = None, prompt: str | None = None
) -> CogVideoXInpaintPipeline:
    """Load the base by its settings, and an adapter if one is given.

    prompt: becomes the pipeline's default prompt; its text encoder is loaded only to embed it. None means the adapter's
    prompt, or the empty one. Raises InputError if weights are missing or the adapter was trained on another base.
    """
    device = loading.resolve_device(model.device)
    pipeline = CogVideoXInpaintPipeline(
        tokenizer=None,
        text_encoder=None,
        vae=loading.load_vae(model.base, loading.vae_dtype(model, device), device),
        transformer=loading.load_transformer(model.base, loading.DTYPES[model.dtype], device),
        scheduler=loading.load_scheduler(model.base),
    )
    if adapter is not None:
        pipeline.load_adapter(adapter, model.base)
    if adapter is None or prompt is not None:
        pipeline.default_prompt = loading.encode_prompt(model.base, prompt or "", device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def noise_generator(seed: int) -> torch.Generator:
    """The generator of a clip's noise."""
    return torch.Generator().manual_seed(seeds.derive(seed, "inference.noise"))
