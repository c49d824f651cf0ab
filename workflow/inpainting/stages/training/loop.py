"""The training loop: draw a batch by its number, predict the velocity, count its error over the hole, update."""

import contextlib
import math
import os
import time
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from torch import Tensor
from torch.nn import Parameter

from inpainting.artifacts.latents import LatentCache
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core import seeds
from inpainting.core.errors import InputError, Unfinished
from inpainting.core.workers import mapped_ahead
from inpainting.models import bases, loading, lora, parity
from inpainting.stages.training import checkpoints, fsdp, optimizers, preemption
from inpainting.stages.training.batches import Batch, Batches, reading_thread
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.ema import WeightAverage
from inpainting.stages.training.loss import RegionSums, areas, min_snr_weights, squared_errors
from inpainting.stages.training.metrics_logger import MetricsLogger
from inpainting.stages.training.preemption import Stop
from inpainting.stages.training.preview import Preview
from inpainting.stages.training.settings import AugmentationSettings, LossSettings, TrainCommand, checkpoint_steps


class Run:
    """One training run on one process of it."""

    def __init__(
        self,
        settings: TrainCommand,
        accelerator: Accelerator,
        transformer: CogVideoXTransformer3DModel,
        parameters: dict[str, Parameter],
        cache: LatentCache,
        config: AdapterConfig,
        about: Mapping[str, Any],
        preview: Preview | None = None,
    ) -> None:
        """about: what checkpoints say of the run, see `checkpoints`."""
        self.settings, self.accelerator, self.config, self.about = settings, accelerator, config, about
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
        self.noise_schedule = loading.load_scheduler(settings.base)
        self.prompt = read_prompt(settings.prompt_file)
        self.trained, self.parameters = parameters, list(parameters.values())
        self.average = WeightAverage(parameters, settings.ema_decay)
        optimizer = optimizers.make_optimizer(parameters, settings)
        # Not given to accelerate, which would step it once for every process.
        self.rates = optimizers.make_schedule(optimizer, settings)
        self.transformer, self.optimizer = accelerator.prepare(transformer, optimizer)

    def go(self, checkpoint: Checkpoint | None, metrics: MetricsLogger | None, stop: Stop) -> None:
        """Run the steps after the checkpoint's, or all. The main process has the metrics, and saves.

        Raises Unfinished, the checkpoint saved, where it has to stop before the last step.
        """
        settings, accelerator = self.settings, self.accelerator
        if checkpoint:
            self._load(checkpoint)
        kept = set(checkpoint_steps(settings))
        self.transformer.train()
        first = checkpoint.step + 1 if checkpoint else 1
        steps = range(first, settings.steps + 1)
        reader = reading_thread()
        batches = mapped_ahead(reader, self.read, steps, ahead=1)
        for step in steps:
            torch.manual_seed(seeds.derive(settings.seed, "training.dropout", step, accelerator.process_index))
            parts, data_seconds = self._take(batches)
            errors, area = self.backward(parts)
            if step == first:
                lora.check_gradients(accelerator.unwrap_model(self.transformer), self.trained)
            grad_norm = float(accelerator.clip_grad_norm_(self.parameters, settings.max_grad_norm))
            self._check_finite(errors, grad_norm, step, parts)
            rates = optimizers.current_rates(self.optimizer)
            self.optimizer.step()
            self.rates.step()
            self.optimizer.zero_grad()
            self.average.update()
            stopping = self._stopping(stop) if step < settings.steps else None
            if metrics:
                metrics.step(errors, area, grad_norm, data_seconds)
                if step % settings.log_every == 0 or step in kept or stopping:
                    metrics.write(step, rates)
            if step in kept or stopping:
                prediction = self._prediction()
                if accelerator.is_main_process:
                    self._save(step, prediction, kept)
            if self.preview and step % settings.preview_every == 0 and not stopping:
                self._preview(self.preview, step, metrics)
            if stopping:
                accelerator.wait_for_everyone()
                if not accelerator.is_main_process:
                    raise SystemExit(os.EX_TEMPFAIL)  # one of them says it
                preemption.write_marker(settings.out, step, stopping)
                raise Unfinished(preemption.sentence(step, stopping))
        reader.shutdown()
        accelerator.wait_for_everyone()

    def _stopping(self, stop: Stop) -> str | None:
        """Why to stop now, as soon as one of the processes has a reason."""
        reason = stop.after_step()
        reasons = torch.tensor(float(reason is not None), device=self.accelerator.device)
        anywhere = float(self.accelerator.reduce(reasons, reduction="sum")) > 0
        return reason or ("another process" if anywhere else None)

    def read(self, step: int) -> list[Batch]:
        """This process's part of a step's batch."""
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        return self.batches.of_step(step - 1, process, processes, self.settings.micro_batch_size)

    def _take(self, batches: Iterator[list[Batch]]) -> tuple[list[Batch], float]:
        """The next step's batch on this process's device, and the seconds that the step waited for it."""
        start = time.monotonic()
        parts = [part.to(self.accelerator.device) for part in next(batches)]
        return parts, time.monotonic() - start

    @torch.compiler.set_stance("force_eager")
    def _preview(self, preview: Preview, step: int, metrics: MetricsLogger | None) -> None:
        """Preview, for the metrics of the main process; the others take part where they hold shares of the base."""
        start = time.monotonic()
        with self.average.in_place():
            result = preview(self.accelerator.unwrap_model(self.transformer))
        if metrics:
            metrics.exclude(time.monotonic() - start)
            metrics.preview(step, result)

    def backward(self, parts: list[Batch]) -> tuple[RegionSums, RegionSums]:
        """Gradients of the loss over the whole batch of all processes.

        Returns the batch's summed errors, without Min-SNR weights, and areas, by ranges of timesteps.
        """
        weight = self.settings.outside_weight
        count = self.family.timesteps
        area = self._over_processes([areas(p.region, p.truth.shape[2]).by_timestep(p.timesteps, count) for p in parts])
        sums = []
        for part in parts:
            last = part is parts[-1]
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.transformer):
                errors = self.errors(part)
                snr = min_snr_weights(self.noise_schedule, part.timesteps, self.settings.min_snr_gamma)
                loss = (snr * errors.weighted(weight)).sum() / area.total().weighted(weight)
                # Processes' gradients are averaged by DDP, where their sum is wanted.
                self.accelerator.backward(loss * self.accelerator.num_processes)
            sums.append(errors.by_timestep(part.timesteps, count))
        return self._over_processes(sums), area

    def errors(self, part: Batch) -> RegionSums:
        """The squared errors of the model's velocities, summed over each sample of a part of a batch."""
        noisy, velocity = noise(self.noise_schedule, part)
        conditioning = self.settings.conditioning_entry
        add_noise = partial(self.noise_schedule.add_noise, noise=part.noise, timesteps=part.timesteps)
        latents = conditioning.latents(noisy, part.condition, part.mask, add_noise)
        condition, mask = conditioning.beside(part.condition, part.mask)
        prompt = self.prompt.to(noisy).expand(len(noisy), -1, -1)
        predicted = self.family.predict(self.transformer, latents, condition, mask, prompt, part.timesteps)
        return squared_errors(predicted, velocity, part.region)

    def _over_processes(self, sums: list[RegionSums]) -> RegionSums:
        total = sum(sums[1:], start=sums[0])
        both = self.accelerator.reduce(torch.stack([total.inside, total.outside]), reduction="sum")
        return RegionSums(both[0], both[1])

    def _check_finite(self, errors: RegionSums, grad_norm: float, step: int, parts: list[Batch]) -> None:
        """Raise InputError rather than update by what is not finite; fp16's scaler skips such gradients itself."""
        if not torch.isfinite(errors.inside + errors.outside).all():
            what = "loss"
        elif not math.isfinite(grad_norm) and self.accelerator.scaler is None:
            what = "gradient"
        else:
            return
        sequences = ", ".join(sorted({name for part in parts for name in part.sequences}))
        good = checkpoints.latest(self.settings.out / "checkpoints")
        raise InputError(
            f"step {step}: the {what} is not finite, on {sequences}; the last good checkpoint is "
            f"{good.folder if good else 'none'}. A lower --learning-rate or --mixed-precision bf16 may help"
        )

    @torch.compiler.set_stance("force_eager")
    def _prediction(self) -> Tensor:
        """What the exported weights predict; all processes take part, since a sharded base's weights come from all."""
        transformer = self.accelerator.unwrap_model(self.transformer)
        with self.average.in_place():
            prediction = parity.predict(self.family, transformer, self.prompt)
        fsdp.reshard(transformer)
        return prediction

    def _save(self, step: int, prediction: Tensor, wanted: Collection[int]) -> None:
        state = {"optimizer": self.optimizer.state_dict()}
        if self.accelerator.scaler is not None:
            state["scaler"] = self.accelerator.scaler.state_dict()
        transformer = self.accelerator.unwrap_model(self.transformer)
        folder = self.settings.out / "checkpoints"
        checkpoints.save(
            folder,
            step,
            transformer,
            self.config,
            self.prompt,
            state,
            self.average,
            prediction,
            self.about,
            lasts=step in wanted,
        )
        checkpoints.thin(folder, self.settings.keep_last, wanted)

    def _load(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.optimizer_state()
        optimizers.resume(self.optimizer, self.rates, state["optimizer"], checkpoint.step)
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.average.resume(checkpoint.trained, checkpoint.step)


def noise(schedule: CogVideoXDDIMScheduler, batch: Batch) -> tuple[Tensor, Tensor]:
    """Noisy latents and the velocity that the model shall predict from them, both float32.

    v = sqrt(alpha_bar) * noise - sqrt(1 - alpha_bar) * truth (Salimans & Ho 2022, arXiv 2202.00512).
    """
    noisy = schedule.add_noise(batch.truth, batch.noise, batch.timesteps)
    return noisy, schedule.get_velocity(batch.truth, batch.noise, batch.timesteps)
