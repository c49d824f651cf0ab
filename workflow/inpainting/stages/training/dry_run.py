"""`inpaint train --dry-run`: prints a training's settings and one forward and backward pass; writes no file."""

from dataclasses import fields

import torch
import yaml
from diffusers import CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.artifacts.latents import LatentCache
from inpainting.models import lora
from inpainting.stages.training.batches import Batch
from inpainting.stages.training.loop import Run
from inpainting.stages.training.metrics_logger import peak_memory_gib
from inpainting.stages.training.settings import TrainCommand

STATE_BYTES = {"adamw": 8.0, "prodigy": 16.0}
"""Bytes of optimizer state per trained weight."""


def dry_run(settings: TrainCommand, run: Run) -> None:
    """Print the settings, the model, the trained weights, a batch's shapes and loss, and the memory of a run."""
    _section("settings", yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    transformer = run.accelerator.unwrap_model(run.transformer)
    _section("model", _model(transformer, run.batches.cache))
    table = lora.trainable_table(run.named_parameters)
    _section("what trains", lora.by_kind(table).to_string(index=False))
    micro_batches = [batch.to(run.accelerator.device) for batch in run.micro_batches(1)]
    passes = [_shapes(batch, number, len(micro_batches)) for number, batch in enumerate(micro_batches, 1)]
    _section("first batch", "\n".join(passes))
    transformer.train()
    errors, area = run.backward(micro_batches)
    lora.check_gradients(transformer, run.named_parameters)
    norm = torch.nn.utils.get_total_norm([p.grad for p in run.parameters if p.grad is not None])
    loss = errors.total().weighted(settings.outside_weight) / area.total().weighted(settings.outside_weight)
    in_mask = errors.total().inside / area.total().inside
    _section("forward and backward", f"loss {loss:.4f}, in the mask {in_mask:.4f}, gradient norm {norm:.4g}")
    _section("memory", _memory(settings, int(table["weights"].sum())))


def _section(title: str, text: str) -> None:
    print(f"# {title}\n{text.rstrip()}\n")


def _model(transformer: CogVideoXTransformer3DModel, cache: LatentCache) -> str:
    config, weights = transformer.config, sum(p.numel() for p in transformer.parameters())
    trained = sum(p.numel() for p in transformer.parameters() if p.requires_grad)
    width = config.num_attention_heads * config.attention_head_dim
    return (
        f"{config.num_layers} blocks, {width} wide, {config.in_channels} channels in, {config.out_channels} out\n"
        f"{weights:,} weights, of which {trained:,} train ({trained / weights:.2%})\n"
        f"{len(cache):,} windows of {cache.table['sequence'].nunique():,} sequences"
    )


def _shapes(micro_batch: Batch, number: int, passes: int) -> str:
    names = [field.name for field in fields(micro_batch) if field.name != "sequences"]
    lines = [f"pass {number} of {passes}: {', '.join(micro_batch.sequences)}"]
    for name in names:
        tensor = getattr(micro_batch, name)
        assert isinstance(tensor, Tensor)
        lines.append(f"  {name:10} {str(tensor.dtype)[6:]:8} {'x'.join(map(str, tensor.shape))}")
    return "\n".join(lines)


def _memory(settings: TrainCommand, trained: int) -> str:
    peak = peak_memory_gib()
    state = trained * STATE_BYTES[settings.optimizer] / 2**30
    average = trained * 4 / 2**30 if settings.ema_decay else 0.0
    return (
        f"{peak:.2f} GiB at most in this pass, with weights and gradients\n"
        f"{state:.2f} GiB more for the state of {settings.optimizer}, {average:.2f} GiB for the moving average\n"
        f"about {peak + state + average:.2f} GiB in all"
    )
