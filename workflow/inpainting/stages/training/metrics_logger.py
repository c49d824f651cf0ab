"""What training tells while it runs: metrics.jsonl, TensorBoard and log lines."""

import logging
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from inpainting.artifacts.training_log import append_row, keep_rows_up_to
from inpainting.core.progress import Progress
from inpainting.stages.training.loss import BINS, RegionSums
from inpainting.stages.training.preview import Result
from inpainting.stages.training.wandb_run import WandbRun

log = logging.getLogger(__name__)

DATA_WAIT = 0.05
"""Share of the time that a run may wait for data before its log says so."""


class Monitor:
    """Averages over the steps since the last row, and writes a row. One process of a run has one."""

    def __init__(
        self,
        folder: Path,
        first_step: int,
        steps: int,
        outside_weight: float,
        timesteps: int,
        wandb: WandbRun | None = None,
    ) -> None:
        self.wandb = wandb
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.previews = folder / "metrics.jsonl", folder / "previews.jsonl"
        for path in (self.path, self.previews):
            keep_rows_up_to(path, first_step)
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1)
        self.progress = Progress("train", "steps", steps, done=first_step)
        self.outside_weight, self.timesteps = outside_weight, timesteps
        self._rows, self._warned = 0, False
        self._reset()

    def _reset(self) -> None:
        zero = RegionSums(torch.zeros(()), torch.zeros(()))
        self._errors, self._areas, self._norms = zero, zero, 0.0
        self._steps, self._data_seconds, self._start = 0, 0.0, time.monotonic()

    def step(self, errors: RegionSums, areas: RegionSums, grad_norm: float, data_seconds: float) -> None:
        """Count one update: its batch's summed errors and areas by timestep, gradient's norm, wait for data."""
        self._errors, self._areas = self._errors + errors, self._areas + areas
        self._norms += grad_norm
        self._steps += 1
        self._data_seconds += data_seconds
        shown = _losses(errors.total(), areas.total(), self.outside_weight)
        self.progress.step(note=f", loss {shown['loss']:.4f}, in the mask {shown['loss_mask']:.4f}")

    def write(self, step: int, rates: dict[str, float]) -> None:
        """Write the row of `step`, the averages since the row before."""
        if not self._steps:
            return
        seconds = time.monotonic() - self._start
        row: dict[str, Any] = {
            "step": step,
            **_losses(self._errors.total(), self._areas.total(), self.outside_weight),
            "grad_norm": self._norms / self._steps,
            **rates,
            "seconds_per_step": seconds / self._steps,
            "data_wait_share": self._data_seconds / seconds,
            "peak_memory_gib": peak_memory_gib(),
            **_losses_by_timestep(self._errors, self._areas, self.timesteps),
        }
        append_row(self.path, row)
        self._scalars("training", step, row)
        self._warn_of_data_wait(row["data_wait_share"])
        self._reset()

    def preview(self, step: int, result: Result) -> None:
        """Write the scores and pictures of a preview; its time is no step's."""
        start = time.monotonic()
        append_row(self.previews, {"step": step, **result.scores})
        self._scalars("preview", step, result.scores)
        for sequence, picture in result.pictures.items():
            self.board.add_image(f"preview/{sequence}", picture, step, dataformats="HWC")
        if self.wandb:
            self.wandb.pictures("preview", step, result.pictures)
        log.info("preview after step %d: %s", step, ", ".join(f"{k} {v:.4g}" for k, v in result.scores.items()))
        self.leave_out(time.monotonic() - start)

    def leave_out(self, seconds: float) -> None:
        """Do not count time that was spent on other things than steps."""
        self._start += seconds

    def _scalars(self, room: str, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            if name != "step":
                self.board.add_scalar(f"{room}/{name}", value, step)
        if self.wandb:
            self.wandb.scalars(room, step, values)

    def _warn_of_data_wait(self, share: float) -> None:
        """Once, and not for a run's first row, in which files are opened."""
        self._rows += 1
        if self._rows > 1 and share > DATA_WAIT and not self._warned:
            self._warned = True
            log.warning(
                "%.0f %% of the time is spent waiting for latents; a faster disk for them, or a copy of them on this "
                "machine's own, would train faster",
                100 * share,
            )

    def close(self) -> None:
        """Write out what TensorBoard and Weights & Biases still hold back."""
        self.board.close()
        if self.wandb:
            self.wandb.close()


def _losses(errors: RegionSums, areas: RegionSums, outside_weight: float) -> dict[str, float]:
    return {
        "loss": float(errors.weighted(outside_weight) / areas.weighted(outside_weight)),
        "loss_mask": float(errors.inside / areas.inside),
        "loss_outside": float(errors.outside / areas.outside.clamp_min(1)),
    }


def _losses_by_timestep(errors: RegionSums, areas: RegionSums, timesteps: int) -> dict[str, float]:
    """The loss in the mask by ranges of timesteps, named by the first of each; without those that were not drawn."""
    losses = {number * timesteps // BINS: errors.inside[number] / areas.inside[number] for number in range(BINS)}
    return {f"loss_mask_t{first}": float(loss) for first, loss in losses.items() if not torch.isnan(loss)}


def peak_memory_gib() -> float:
    """The most memory that this process has had at once: on the GPU, or, without one, in all."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
