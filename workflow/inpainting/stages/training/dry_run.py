"""`inpaint train --dry-run`: two updates that are not kept, and what they say of the training; writes no file."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import torch
import yaml
from diffusers import CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.core.disk import format_bytes
from inpainting.models import loading, lora, summary
from inpainting.models.shapes import read_base
from inpainting.stages.training.batches import Batch
from inpainting.stages.training.loop import Run, Update
from inpainting.stages.training.memory import decide_checkpointing, training_bytes
from inpainting.stages.training.metrics_logger import peak_memory_gib
from inpainting.stages.training.random_latents import with_random_latents
from inpainting.stages.training.settings import TrainCommand


@contextmanager
def with_data(settings: TrainCommand) -> Iterator[TrainCommand]:
    """The settings with their index or, if none is given, with that of random latents, kept in this context."""
    if settings.index is not None:
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder:
        yield with_random_latents(settings, Path(folder))


def dry_run(settings: TrainCommand, run: Run) -> None:
    """Print the settings, the model, what trains, a batch's shapes, and loss, seconds and memory of two updates."""
    _section("settings", yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    transformer = run.accelerator.unwrap_model(run.transformer)
    _section("model", f"{_sizes(transformer)}\n{summary.as_text(summary.by_module(transformer))}")
    trained = lora.by_kind(lora.trainable_table(run.named_parameters))
    _section("what trains", trained.to_string(index=False))
    # As one of several processes would have it.
    first, second = (run.batches.of_step(step, 0, settings.processes, settings.micro_batch_size) for step in range(2))
    passes = [_shapes(batch, number, len(first)) for number, batch in enumerate(first, 1)]
    _section("first batch", "\n".join([_windows(run), *passes]))
    transformer.train()
    updates = [_timed(run, step, batches) for step, batches in enumerate((first, second), 1)]
    _section("updates", "\n".join(_said(settings, *update) for update in updates))
    _section("memory", _memory(settings, run))


def _section(title: str, text: str) -> None:
    print(f"# {title}\n{text.rstrip()}\n", flush=True)


def _sizes(transformer: CogVideoXTransformer3DModel) -> str:
    config = transformer.config
    width = config.num_attention_heads * config.attention_head_dim
    return (
        f"{config.num_layers} blocks, {width} wide, {config.in_channels} channels in, {config.out_channels} out, on "
        f"{transformer.device.type}"
    )


def _windows(run: Run) -> str:
    cache = run.batches.cache
    return f"windows to draw from: {len(cache):,}, sequences: {cache.table['sequence'].nunique():,}"


def _shapes(micro_batch: Batch, number: int, passes: int) -> str:
    names = [field.name for field in fields(micro_batch) if field.name != "sequences"]
    lines = [f"pass {number} of {passes}: {', '.join(micro_batch.sequences)}"]
    for name in names:
        tensor = getattr(micro_batch, name)
        assert isinstance(tensor, Tensor)
        lines.append(f"  {name:10} {str(tensor.dtype)[6:]:8} {'x'.join(map(str, tensor.shape))}")
    return "\n".join(lines)


def _timed(run: Run, step: int, micro_batches: list[Batch]) -> tuple[int, Update, float]:
    """A step's number, its update as in training, and its seconds."""
    start = time.monotonic()
    update = run.update(step, micro_batches)
    run.lr_scheduler.step()
    run.ema.update()
    if run.accelerator.device.type == "cuda":
        torch.cuda.synchronize()
    return step, update, time.monotonic() - start


def _said(settings: TrainCommand, step: int, update: Update, seconds: float) -> str:
    errors, area = update.errors.total(), update.areas.total()
    loss = errors.weighted(settings.outside_weight) / area.weighted(settings.outside_weight)
    about = " (with what is done only once)" if step == 1 else ""
    skipped = "; skipped: fp16's loss scale is still too large, which is usual at first" if update.skipped else ""
    losses = f"loss {loss:.4f}, in the mask {errors.inside / area.inside:.4f}"
    return f"{step}: {seconds:.3f} s{about}; {losses}, gradient norm {update.grad_norm:.4g}{skipped}"


def _memory(settings: TrainCommand, run: Run) -> str:
    """What the updates took at most, and what a training's tensors take by their shapes."""
    base, device = read_base(settings.base), run.accelerator.device
    shape = base.geometry.latent_frames(settings.window), *run.batches.cache.latent_size
    decided = decide_checkpointing(base, settings, settings, shape, loading.gpu_memory(device))
    parts = training_bytes(base, settings, settings, shape, decided.on)
    total = loading.gpu_memory(device)
    there = "RAM of this process" if total is None else f"GPU memory, of {total / 2**30:.2f} GiB"
    counted = ", ".join(f"{what} {format_bytes(size)}" for what, size in parts.items() if size)
    return (
        f"{peak_memory_gib():.2f} GiB at most: {there}\n"
        f"counted for a training: {format_bytes(sum(parts.values()))} ({counted})\n"
        f"gradient checkpointing is {decided}"
    )
