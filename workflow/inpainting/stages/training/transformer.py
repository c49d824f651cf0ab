"""The transformer that is trained: LoRA, widened patch embedding, gradient checkpointing, compilation."""

import logging

import torch
from accelerate import Accelerator
from diffusers import CogVideoXTransformer3DModel

from inpainting.artifacts.latents import LatentCache
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core import seeds
from inpainting.models import loading, lora
from inpainting.models.settings import LoraSettings
from inpainting.models.shapes import read_base
from inpainting.models.widening import widen_patch_embedding
from inpainting.stages.training import distributed
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.memory import Checkpointing, decide_checkpointing
from inpainting.stages.training.settings import TrainCommand

log = logging.getLogger(__name__)


def prepare_transformer(
    settings: TrainCommand,
    config: AdapterConfig,
    cache: LatentCache,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None,
) -> CogVideoXTransformer3DModel:
    """The transformer with LoRA and, if the conditioning needs it, a widened patch embedding, or a checkpoint's.

    It is on its device, but for a base that several processes are to shard: that may not fit on one, and is in RAM.
    """
    is_sharded = settings.shard_base and accelerator.num_processes > 1
    transformer = loading.load_transformer(
        settings.base,
        loading.DTYPES[settings.dtype],
        torch.device("cpu") if is_sharded else accelerator.device,
        latent_size=cache.latent_size,
        frames=settings.window,
        random_seed=config.random_base,
        quantization=settings.quantization,
    )
    if checkpoint is not None:
        adapters.load_adapter(transformer, checkpoint.adapter)
    else:
        if config.widened:
            widen_patch_embedding(transformer, config.channels)
        lora.add_lora(transformer, settings.section(LoraSettings), seeds.derive(settings.seed, "training.lora"))
    lora.prepare_training(transformer)
    distributed.keep_frozen_weights(transformer)
    if _checkpointing(settings, cache.latent_size, accelerator.device).on:
        transformer.enable_gradient_checkpointing()
    if settings.compile:
        for block in transformer.transformer_blocks:
            block.forward = torch.compile(block.forward, dynamic=False)
    return transformer


def _checkpointing(settings: TrainCommand, latent_size: tuple[int, int], device: torch.device) -> Checkpointing:
    """Whether to use gradient checkpointing; logged where `auto` decides."""
    base = read_base(settings.base)
    shape = base.geometry.latent_frames(settings.window), *latent_size
    found = decide_checkpointing(base, settings, settings, shape, loading.gpu_memory(device))
    if settings.gradient_checkpointing == "auto":
        log.info("gradient checkpointing is %s", found)
    return found
