"""The training loop: add noise to a batch, predict the velocity, average its squared error over the hole, update."""

import contextlib
import math
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from torch import Tensor
from torch.nn import Parameter

from inpainting.artifacts.latents import LatentCache
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core import seeds
from inpainting.core.errors import InputError, Unfinished
from inpainting.core.settings import existing
from inpainting.core.workers import map_prefetched
from inpainting.models import bases, loading, lora, parity
from inpainting.models.shapes import read_base
from inpainting.stages.training import checkpoints, fsdp, optimizers, preemption
from inpainting.stages.training.batches import Batch, Batches, prefetch_thread
from inpainting.stages.training.checkpoint_disk import CheckpointDisk, checkpoint_bytes
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.checks import PROMPT_FILE
from inpainting.stages.training.ema import EmaWeights
from inpainting.stages.training.loss import BINS, RegionSums, areas, min_snr_weights, squared_errors
from inpainting.stages.training.metrics_logger import MetricsLogger
from inpainting.stages.training.preemption import Stop
from inpainting.stages.training.preview import Preview
from inpainting.stages.training.settings import AugmentationSettings, LossSettings, TrainCommand, checkpoint_steps
from inpainting.stages.training.skipped_updates import SkippedUpdates


@dataclass(frozen=True)
class Update:
    """What one step did: its batch's summed errors and areas by timestep range, [BINS], and its gradient norm."""

    errors: RegionSums
    areas: RegionSums
    grad_norm: float
    skipped: bool = False
    """No weight has changed, because latents or fp16 gradients were not finite."""


class Run:
    """One training run, on one of its processes."""

    def __init__(
        self,
        settings: TrainCommand,
        accelerator: Accelerator,
        transformer: CogVideoXTransformer3DModel,
        parameters: dict[str, Parameter],
        cache: LatentCache,
        config: AdapterConfig,
        metadata: Mapping[str, Any],
        preview: Preview | None = None,
    ) -> None:
        """parameters: the transformer's trainable ones by name; metadata: of the run, for its checkpoints."""
        self.settings, self.accelerator, self.config, self.metadata = settings, accelerator, config, metadata
        self.family = bases.family(settings.base)
        self.batches = Batches(
            cache,
            settings.section(LossSettings),
            settings.section(AugmentationSettings),
            settings.mask_dilation,
            settings.batch_size,
            settings.seed,
            self.family,
            settings.mask_entry,
        )
        self.preview = preview
        latent_shape = self.family.geometry.latent_frames(settings.window), *cache.latent_size
        size = checkpoint_bytes(read_base(settings.base), settings, latent_shape)
        self.disk = CheckpointDisk(settings.out / "checkpoints", settings, size)
        self.noise_scheduler = loading.load_scheduler(settings.base)
        self.prompt = read_prompt(existing(settings.prompt_file, *PROMPT_FILE))
        self.named_parameters, self.parameters = parameters, list(parameters.values())
        self.ema = EmaWeights(parameters, settings.ema_decay)
        self.skipped_updates, self._gradients_checked = SkippedUpdates(), False
        optimizer = optimizers.make_optimizer(parameters, settings)
        # Not prepared by accelerate, which would step it once per process.
        self.lr_scheduler = optimizers.make_schedule(optimizer, settings)
        self.transformer, self.optimizer = accelerator.prepare(transformer, optimizer)

    def train(self, checkpoint: Checkpoint | None, metrics: MetricsLogger | None, stop: Stop) -> None:
        """Run the steps after the checkpoint's, or all. Only the main process has `metrics`, and saves.

        Raises Unfinished, with a checkpoint saved, when `stop` asks to stop before the last step; other processes than
        the main one raise SystemExit. Raises InputError when losses or gradients are not finite.
        """
        settings = self.settings
        if checkpoint:
            self._load(checkpoint)
        wanted = set(checkpoint_steps(settings))
        first = checkpoint.step + 1 if checkpoint else 1
        steps = range(first, settings.steps + 1)
        self.transformer.train()
        if metrics:
            self.disk.warn_if_small(first - 1)
        with prefetch_thread() as thread:
            batches = map_prefetched(thread, self.micro_batches, steps, prefetch=1)
            for step in steps:
                data_start = time.monotonic()
                micro_batches = next(batches)
                data_seconds = time.monotonic() - data_start
                torch.manual_seed(seeds.derive(settings.seed, "training.dropout", step, self.accelerator.process_index))
                rates = optimizers.current_rates(self.optimizer)
                update = self.update(step, micro_batches)
                self.lr_scheduler.step()
                self.ema.update()
                stop_reason = self._stop_reason(stop) if step < settings.steps else None
                if metrics:
                    metrics.step(update.errors, update.areas, update.grad_norm, data_seconds, update.skipped)
                    if step % settings.log_every == 0 or step in wanted or stop_reason:
                        self.disk.wait_for_row(stop.is_asked)
                        metrics.write(step, rates)
                if step in wanted or stop_reason:
                    self._save(step, wanted, stop)
                if self.preview and step % settings.preview_every == 0 and not stop_reason:
                    self._preview(self.preview, step, metrics)
                if stop_reason:
                    self._leave(step, stop_reason)
        self.accelerator.wait_for_everyone()

    def micro_batches(self, step: int) -> list[Batch]:
        """This process's part of a step's batch, on the CPU, one batch per forward pass."""
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        return self.batches.of_step(step - 1, process, processes, self.settings.micro_batch_size)

    def update(self, step: int, micro_batches: list[Batch]) -> Update:
        """Update the weights by one batch, or skip it on all processes if one has latents that are not finite."""
        if bad := self._bad_sequences(micro_batches):
            self.skipped_updates.bad_latents(step, bad)
            nothing = RegionSums(torch.zeros(BINS), torch.zeros(BINS))
            return Update(nothing, nothing, grad_norm=0.0, skipped=True)
        errors, area = self.backward([batch.to(self.accelerator.device) for batch in micro_batches])
        if not self._gradients_checked:
            lora.check_gradients(self.accelerator.unwrap_model(self.transformer), self.named_parameters)
            self._gradients_checked = True
        grad_norm = float(self.accelerator.clip_grad_norm_(self.parameters, self.settings.max_grad_norm))
        self._check_finite(errors, grad_norm, step, micro_batches)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if skipped := self.accelerator.optimizer_step_was_skipped:
            self.skipped_updates.bad_gradients(step, self.accelerator.scaler, self._advice())
        else:
            self.skipped_updates.updated()
        return Update(errors, area, grad_norm, skipped)

    def backward(self, micro_batches: list[Batch]) -> tuple[RegionSums, RegionSums]:
        """Compute the gradients of the loss over the whole batch of all processes.

        micro_batches: this process's part, on its device. Returns the whole batch's summed errors, without Min-SNR
        weights, and areas, by timestep range: [BINS].
        """
        outside_weight, timesteps = self.settings.outside_weight, self.family.timesteps
        area = self._sum_over_processes(
            [areas(b.region, b.truth.shape[2]).by_timestep(b.timesteps, timesteps) for b in micro_batches]
        )
        sums = []
        for batch in micro_batches:
            is_last = batch is micro_batches[-1]
            with contextlib.nullcontext() if is_last else self.accelerator.no_sync(self.transformer):
                errors = self.errors(batch)
                snr_weights = min_snr_weights(self.noise_scheduler, batch.timesteps, self.settings.min_snr_gamma)
                loss = (snr_weights * errors.weighted(outside_weight)).sum() / area.total().weighted(outside_weight)
                # DDP averages the processes' gradients; their sum is needed.
                self.accelerator.backward(loss * self.accelerator.num_processes)
            sums.append(errors.by_timestep(batch.timesteps, timesteps))
        return self._sum_over_processes(sums), area

    def errors(self, batch: Batch) -> RegionSums:
        """The squared errors of the predicted velocity, summed over each sample: [batch]."""
        noisy_latents, target = add_noise_and_target(self.noise_scheduler, batch)
        conditioning = self.settings.conditioning_entry
        add_noise = partial(self.noise_scheduler.add_noise, noise=batch.noise, timesteps=batch.timesteps)
        latents = conditioning.noisy_input(noisy_latents, batch.condition, batch.mask, add_noise)
        condition, mask = conditioning.extra_channels(batch.condition, batch.mask)
        prompt = self.prompt.to(noisy_latents).expand(len(noisy_latents), -1, -1)
        model_pred = self.family.predict(self.transformer, latents, condition, mask, prompt, batch.timesteps)
        return squared_errors(model_pred, target, batch.region)

    def _bad_sequences(self, micro_batches: list[Batch]) -> list[str]:
        """The sequences of a step's batch, over all processes, whose latents are not finite."""
        names = [name for batch in micro_batches for name in batch.not_finite()]
        return sorted(set(gather_object(names))) if self._on_any_process(bool(names)) else []

    def _on_any_process(self, here: bool) -> bool:
        if self.accelerator.num_processes == 1:
            return here
        flag = torch.tensor(float(here), device=self.accelerator.device)
        return float(self.accelerator.reduce(flag, reduction="sum")) > 0

    def _sum_over_processes(self, sums: list[RegionSums]) -> RegionSums:
        total = sum(sums[1:], start=sums[0])
        both = self.accelerator.reduce(torch.stack([total.inside, total.outside]), reduction="sum")
        return RegionSums(both[0], both[1])

    def _check_finite(self, errors: RegionSums, grad_norm: float, step: int, micro_batches: list[Batch]) -> None:
        """Raise InputError before an update by a loss or gradients that are not finite.

        fp16 gradients may be infinite: the GradScaler then skips the update.
        """
        if not torch.isfinite(errors.inside + errors.outside).all():
            what = "loss"
        elif not math.isfinite(grad_norm) and self.accelerator.scaler is None:
            what = "gradient"
        else:
            return
        sequences = ", ".join(sorted({name for batch in micro_batches for name in batch.sequences}))
        raise InputError(f"step {step}: the {what} is not finite, on {sequences}. {self._advice()}")

    def _advice(self) -> str:
        """What to change when losses or gradients are not finite, and where the new settings go on from."""
        settings, last = self.settings, checkpoints.latest(checkpoints.found(self.settings.out / "checkpoints"))
        ways = "A lower --learning-rate may help"
        if settings.mixed_precision == "fp16":
            dtype = "--dtype bfloat16 " if settings.dtype == "float16" else ""
            ways = f"{dtype}--mixed-precision bf16, or a lower --learning-rate, may help"
        if last is None:
            return f"{ways}; no checkpoint has been saved yet"
        return f"{ways}; with --on-change continue the training then goes on from its last checkpoint, {last.folder}"

    def _stop_reason(self, stop: Stop) -> str | None:
        """Why to stop after this step, as soon as one of the processes has a reason, or None."""
        reason = stop.after_step()
        anywhere = self._on_any_process(reason is not None)
        return reason or ("another process" if anywhere else None)

    def _leave(self, step: int, reason: str) -> None:
        """End this process after a step that is saved: see `train` for what is raised."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            raise SystemExit(os.EX_TEMPFAIL)
        preemption.write_marker(self.settings.out, step, reason)
        raise Unfinished(preemption.sentence(step, reason))

    @torch.compiler.set_stance("force_eager")
    def _preview(self, preview: Preview, step: int, metrics: MetricsLogger | None) -> None:
        """Make a preview. If the base is sharded, every process has to call this."""
        start = time.monotonic()
        with self.ema.in_place():
            result = preview(self.accelerator.unwrap_model(self.transformer))
        if metrics:
            metrics.exclude(time.monotonic() - start)
            if result:
                metrics.preview(step, result)

    def _save(self, step: int, wanted: Collection[int], stop: Stop) -> None:
        """Save a checkpoint. All processes take part in its prediction, which may need shards of the base from all."""
        prediction = self._predict_for_parity()
        if not self.accelerator.is_main_process:
            return
        state = {"optimizer": self.optimizer.state_dict()}
        if self.accelerator.scaler is not None:
            state["scaler"] = self.accelerator.scaler.state_dict()
        self.disk.wait_for_checkpoint(stop.is_asked)
        checkpoints.save(
            self.disk.folder,
            step,
            self.accelerator.unwrap_model(self.transformer),
            self.config,
            self.prompt,
            state,
            self.ema,
            prediction,
            self.metadata,
            lasts=step in wanted,
        )
        checkpoints.thin(self.disk.folder, self.settings.keep_last, wanted)
        self.disk.warn_if_small(step)

    @torch.compiler.set_stance("force_eager")
    def _predict_for_parity(self) -> Tensor:
        """What the exported weights predict, for `parity`."""
        transformer = self.accelerator.unwrap_model(self.transformer)
        with self.ema.in_place():
            prediction = parity.predict(self.family, transformer, self.prompt)
        fsdp.reshard(transformer)
        return prediction

    def _load(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.optimizer_state()
        optimizers.resume(self.optimizer, self.lr_scheduler, state["optimizer"], checkpoint.step)
        if self.accelerator.scaler is not None and "scaler" in state:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.ema.resume(checkpoint.trained, checkpoint.step)


def add_noise_and_target(noise_scheduler: CogVideoXDDIMScheduler, batch: Batch) -> tuple[Tensor, Tensor]:
    """The noisy latents and the target velocity, both float32 [batch, frames, channels, height, width].

    target = sqrt(alpha_bar) * noise - sqrt(1 - alpha_bar) * truth (Salimans & Ho 2022, arXiv 2202.00512).
    """
    noisy_latents = noise_scheduler.add_noise(batch.truth, batch.noise, batch.timesteps)
    return noisy_latents, noise_scheduler.get_velocity(batch.truth, batch.noise, batch.timesteps)
