"""The pipeline and the seeded noise of the commands that inpaint."""

from pathlib import Path

import torch
from diffusers import CogVideoXTransformer3DModel

from inpainting.core import seeds
from inpainting.core.errors import UsageError
from inpainting.models import loading
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline


def load_pipeline(
    model: InferenceSettings, adapter: Path | None = None, prompt: str | None = None
) -> CogVideoXInpaintPipeline:
    """Load the base by its settings, and an adapter if one is given.

    prompt: becomes the pipeline's default prompt; its text encoder is loaded only to embed it. None means the adapter's
    prompt, or the empty one. Raises InputError if weights are missing or the adapter was trained on another base.
    """
    device = loading.resolve_device(model.device)
    check_offloading(model)
    pipeline = CogVideoXInpaintPipeline(
        tokenizer=None,
        text_encoder=None,
        vae=loading.load_vae(model.base, loading.vae_dtype(model, device), device),
        transformer=loading.load_transformer(
            model.base,
            loading.DTYPES[model.dtype],
            torch.device("cpu") if model.offload else device,
            quantization=model.quantization,
        ),
        scheduler=loading.load_scheduler(model.base),
    )
    if adapter is not None:
        pipeline.load_adapter(adapter, model.base)
    if model.offload:
        offload_blocks(pipeline.transformer, device)
    if adapter is None or prompt is not None:
        pipeline.default_prompt = loading.encode_prompt(model.base, prompt or "", device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def check_offloading(model: InferenceSettings) -> None:
    """Raise UsageError for offloading without a GPU."""
    if model.offload and loading.resolve_device(model.device).type == "cpu":
        raise UsageError("--offload: there is no GPU to offload from; leave it out")


def offload_blocks(transformer: CogVideoXTransformer3DModel, device: torch.device) -> None:
    """Compute on a device with weights that stay in the host's memory; adapters have to be loaded before.

    A block is copied while the one before computes. Gradients are wrong afterwards: the backward pass would find the
    blocks' weights gone.
    """
    transformer.enable_group_offload(device, num_blocks_per_group=1, use_stream=device.type == "cuda")


def noise_generator(seed: int) -> torch.Generator:
    """The generator of a clip's noise."""
    return torch.Generator().manual_seed(seeds.derive(seed, "inference.noise"))
