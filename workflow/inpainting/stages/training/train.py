"""`inpaint train`: prepares model, data and checkpoints for the loop in loop.py, and writes the summary."""

import logging
import shlex
import sys
from contextlib import closing, nullcontext
from datetime import timedelta
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

from inpainting.artifacts.latents import LatentCache
from inpainting.artifacts.prompt import read_prompt
from inpainting.artifacts.split import TRAIN
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core import provenance, seeds, slurm
from inpainting.core.errors import UsageError
from inpainting.core.files import file_digest, write_table
from inpainting.core.settings import existing
from inpainting.models import bases, hub, loading, lora
from inpainting.models.adapter_files import adapter_digest
from inpainting.models.settings import LoraSettings
from inpainting.stages.training import checkpoints, distributed, nodes, preemption, resuming, trained_sequences
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.checks import (
    INDEX,
    PROMPT_FILE,
    check_batches,
    check_encoding,
    check_settings,
    check_source,
)
from inpainting.stages.training.dry_run import dry_run, with_data
from inpainting.stages.training.fsdp import shard_base
from inpainting.stages.training.launcher import check_processes, ignore_incomplete, is_worker
from inpainting.stages.training.loop import Run
from inpainting.stages.training.metrics_logger import MetricsLogger
from inpainting.stages.training.preemption import Stop
from inpainting.stages.training.preview import Preview
from inpainting.stages.training.resuming import Difference
from inpainting.stages.training.running import only_training
from inpainting.stages.training.settings import TrainCommand, checkpoint_steps
from inpainting.stages.training.trackers import check_wandb, start_trackers
from inpainting.stages.training.transformer import prepare_transformer
from inpainting.video.settings import MaskSettings, WindowSettings

log = logging.getLogger(__name__)

GROUP_MINUTES = 30
"""How long processes wait for each other: while the main one saves, previews, or works out digests of the base."""


def train(settings: TrainCommand) -> None:
    """Train to the last step, resuming from the latest checkpoint, and write training.json when all is done.

    With several processes, it starts them and exits with their code. Raises Unfinished, with the work saved, when a
    signal or a time limit stops it earlier; InputError and UsageError for data or settings that can't be used.
    """
    with slurm.requeued() if settings.requeue and not is_worker() else nullcontext():
        _train_or_launch(settings)


def _train_or_launch(settings: TrainCommand) -> None:
    """Train in this process, or start the processes that do."""
    stop = Stop(settings.time_limit)
    ignore_incomplete()
    check_processes(settings.processes)
    if settings.dry_run:
        with with_data(settings) as settings:
            dry_run(settings, fresh_run(settings))
            resuming.warn_if_refused(settings, adapter_config(settings))
        return
    check_wandb(settings)
    if settings.processes > 1 and not is_worker():
        check_settings(settings)
        _launch(settings)
        return
    distributed.end_with_launcher()
    with distributed.leaving_group():
        _train(settings, stop)


def _train(settings: TrainCommand, stop: Stop) -> None:
    """`train` in one of the processes."""
    accelerator, cache = _opened(settings)
    if settings.shard_base and accelerator.num_processes == 1:
        raise UsageError(
            "--shard-base: it shards the base over several processes, but there is only one; set --processes"
        )
    with only_training(settings.out, accelerator.is_main_process):
        _resume(settings, stop, accelerator, cache)


def _resume(settings: TrainCommand, stop: Stop, accelerator: Accelerator, cache: LatentCache) -> None:
    """Train the steps that are missing, while no other training uses the folder."""
    config = adapter_config(settings)
    fingerprint = resuming.fingerprint(settings, config, cache.shaping())
    wanted = checkpoint_steps(settings)
    with accelerator.main_process_first():
        held_out = trained_sequences.held_out(settings.out, settings.split_file)
        checkpoint = resuming.resumable(settings.out, fingerprint, wanted, settings.on_change, held_out)
    if accelerator.is_main_process:
        preemption.remove_marker(settings.out)
    if checkpoint is None or checkpoint.step < settings.steps:
        _run(settings, stop, accelerator, cache, config, fingerprint, checkpoint)
    elif accelerator.is_main_process:
        _log_that_it_is_done(settings, cache, resuming.differences(checkpoint.state.fingerprint, fingerprint))
    if accelerator.is_main_process:
        write_summary(settings)


def _log_that_it_is_done(settings: TrainCommand, cache: LatentCache, changed: list[Difference]) -> None:
    log.info("%s is trained to its last step", settings.out)
    if changed and resuming.not_of_settings(changed):
        trained_sequences.warn_of_changes(settings.out, cache.table["sequence"])


def _run(
    settings: TrainCommand,
    stop: Stop,
    accelerator: Accelerator,
    cache: LatentCache,
    config: AdapterConfig,
    fingerprint: dict[str, Any],
    checkpoint: Checkpoint | None,
) -> None:
    """Run the steps after the checkpoint's, or all."""
    transformer = prepare_transformer(settings, config, cache, accelerator, checkpoint)
    if settings.shard_base:
        shard_base(transformer, accelerator.device)
    parameters = lora.trainable_parameters(transformer)
    metrics = preview = None
    if settings.preview_every and (accelerator.is_main_process or settings.shard_base):
        preview = Preview(settings, read_prompt(existing(settings.prompt_file, *PROMPT_FILE)))
    if accelerator.is_main_process:
        _log_start(settings, parameters, cache, checkpoint)
        trained_sequences.remember(settings.out, cache.table["sequence"], settings.split_file, checkpoint is not None)
        first = checkpoint.step if checkpoint else 0
        timesteps = bases.family(settings.base).timesteps
        trackers = start_trackers(settings, first)
        metrics = MetricsLogger(settings.out, first, settings.steps, settings.outside_weight, timesteps, trackers)
    metadata = {
        "fingerprint": fingerprint,
        "windows": len(cache),
        "trainable_weights": sum(p.numel() for p in parameters.values()),
        "provenance": _provenance(settings, fingerprint["inputs"]),
    }
    run = Run(settings, accelerator, transformer, parameters, cache, config, metadata, preview)
    with stop.listening(), closing(metrics) if metrics else nullcontext():
        run.train(checkpoint, metrics, stop)


def _provenance(settings: TrainCommand, inputs: dict[str, str]) -> dict[str, Any]:
    """The provenance of a checkpoint, without the number of steps, which may be raised later."""
    shaping = settings.shaping()
    del shaping["steps"]
    if settings.split_file is not None:
        inputs = {**inputs, "split_file": file_digest(settings.split_file)}
    return provenance.describe(shaping, inputs | bases.provenance(settings.base))


def write_summary(settings: TrainCommand) -> None:
    """Write training.json for a finished training, from its last checkpoint."""
    checkpoint = checkpoints.of_step(settings.out / "checkpoints", settings.steps)
    last = checkpoint.state
    # A training that was made again may have other weights, by rounding alone: the digest lets Snakemake validate them.
    inputs = last.provenance.inputs | {"adapter": adapter_digest(checkpoint.adapter)}
    summary = TrainingSummary(
        experiment=settings.experiment,
        checkpoints=checkpoint_steps(settings),
        windows=last.windows,
        trainable_weights=last.trainable_weights,
        provenance=last.provenance.model_copy(
            update={"settings": {"steps": settings.steps} | last.provenance.settings, "inputs": inputs}
        ),
    )
    summary.write(settings.out / "training.json")


def fresh_run(settings: TrainCommand) -> Run:
    """A run before its first step. The experiment's folder is neither read nor written."""
    ignore_incomplete()
    accelerator, cache = _opened(settings)
    config = adapter_config(settings)
    transformer = prepare_transformer(settings, config, cache, accelerator, None)
    return Run(settings, accelerator, transformer, lora.trainable_parameters(transformer), cache, config, metadata={})


def _launch(settings: TrainCommand) -> None:
    """Run this command in every process of a group; raises SystemExit with its exit code unless that is 0."""
    # Whoever starts the processes has the job requeued, once.
    options = settings.model_copy(update={"requeue": False}).to_options()
    command = [sys.executable, "-m", "inpainting.cli", "train", *shlex.split(options)]
    if settings.nodes > 1 and not nodes.is_task():
        code = nodes.run_on_nodes(command, settings.nodes)
    else:
        _check_gpus(settings)
        code = (
            nodes.launch_share(command, settings.processes, settings.nodes)
            if nodes.is_task()
            else distributed.launch(command, settings.processes)
        )
    if code:
        raise SystemExit(code)


def _check_gpus(settings: TrainCommand) -> None:
    """Raise UsageError if this machine has fewer GPUs than it is to start processes."""
    gpus, share = torch.cuda.device_count(), settings.processes_per_node
    if loading.resolve_device(settings.device).type == "cuda" and share > gpus:
        raise UsageError(f"--processes: {share} were to start here, but there are {gpus} GPUs, and each needs its own")


def _opened(settings: TrainCommand) -> tuple[Accelerator, LatentCache]:
    """The accelerator and the latents; raises UsageError if they do not fit the settings."""
    check_settings(settings)
    on_cpu = loading.resolve_device(settings.device).type == "cpu"
    # The only buffer is the table of positions, which is the same on all processes.
    ddp = DistributedDataParallelKwargs(broadcast_buffers=False, gradient_as_bucket_view=True)
    # The other processes wait as long as the main one may wait for a disk.
    group = InitProcessGroupKwargs(timeout=timedelta(minutes=GROUP_MINUTES + settings.wait_for_space))
    with distributed.joining_group():
        accelerator = Accelerator(mixed_precision=settings.mixed_precision, cpu=on_cpu, kwargs_handlers=[ddp, group])
    cache = LatentCache(existing(settings.index, *INDEX), TRAIN)
    check_source(settings, cache)
    check_encoding(settings, cache)
    check_batches(settings, cache, accelerator.num_processes)
    return accelerator, cache


def adapter_config(settings: TrainCommand) -> AdapterConfig:
    """The settings that inference needs to know of a training."""
    name, commit = hub.origin(settings.base) or (settings.base, None)
    return AdapterConfig(
        base=name,
        base_revision=commit,
        transformer_digest=loading.part_digest(settings.base, "transformer"),
        family=bases.family(settings.base).name,
        random_base=seeds.derive(settings.seed, "training.base") if settings.base_weights == "random" else None,
        quantization=settings.quantization,
        vae_digest=loading.part_digest(settings.base, "vae"),
        channels=settings.input_channels(bases.latent_channels(settings.base), bases.family(settings.base).geometry),
        masks=settings.section(MaskSettings),
        windows=settings.section(WindowSettings),
        condition=settings.section(ConditionSettings),
        lora=settings.section(LoraSettings),
    )


def _log_start(
    settings: TrainCommand,
    parameters: dict[str, torch.nn.Parameter],
    cache: LatentCache,
    checkpoint: Checkpoint | None,
) -> None:
    table = lora.trainable_table(parameters)
    settings.out.mkdir(parents=True, exist_ok=True)
    write_table(settings.out / "trainable.tsv", table)
    log.info("%d windows of %d sequences", len(cache), cache.table["sequence"].nunique())
    log.info("%d weights train (trainable.tsv lists all tensors):", table["weights"].sum())
    log.info("\n%s", lora.by_kind(table).to_string(index=False))
    log.info("resume after step %d" if checkpoint else "start at step %d", checkpoint.step if checkpoint else 0)
