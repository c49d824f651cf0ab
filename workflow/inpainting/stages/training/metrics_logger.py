"""What a training logs: rows of metrics.jsonl and previews.jsonl, the same to trackers, and log lines."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.tracking import GeneralTracker, TensorBoardTracker

from inpainting.artifacts import preview_pictures
from inpainting.artifacts.training_log import append_row, keep_rows_up_to
from inpainting.core.progress import Progress
from inpainting.stages.training.loss import BINS, RegionSums
from inpainting.stages.training.preview import Result

log = logging.getLogger(__name__)

MAX_DATA_WAIT = 0.05
"""Share of the time spent waiting for data above which the log warns."""


class MetricsLogger:
    """Averages metrics over the steps since the last row, and writes a row. Only a run's main process has one."""

    def __init__(
        self,
        folder: Path,
        first_step: int,
        steps: int,
        outside_weight: float,
        timesteps: int,
        trackers: Sequence[GeneralTracker] = (),
    ) -> None:
        """Log the steps after `first_step`, and drop rows of later steps that a killed run left in the folder.

        steps: of the whole training; timesteps: of the noise schedule; trackers: already started.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.previews = folder / "metrics.jsonl", folder / "previews.jsonl"
        for path in (self.path, self.previews):
            keep_rows_up_to(path, first_step)
        self.trackers = trackers
        self.progress = Progress("train", "steps", steps, done=first_step)
        self.outside_weight, self.timesteps = outside_weight, timesteps
        self._rows, self._warned = 0, False
        self._reset()

    def _reset(self) -> None:
        zero = RegionSums(torch.zeros(()), torch.zeros(()))
        self._errors, self._areas, self._norms = zero, zero, 0.0
        self._steps, self._skipped, self._data_seconds, self._start = 0, 0, 0.0, time.monotonic()

    def step(
        self, errors: RegionSums, areas: RegionSums, grad_norm: float, data_seconds: float, skipped: bool = False
    ) -> None:
        """Add a step: its batch's summed errors and areas by timestep range, gradient norm, seconds of data wait.

        skipped: whether it made no update; its gradient norm does not count then.
        """
        self._errors, self._areas = self._errors + errors, self._areas + areas
        self._norms += 0.0 if skipped else grad_norm
        self._steps, self._skipped = self._steps + 1, self._skipped + skipped
        self._data_seconds += data_seconds
        losses = _losses(errors.total(), areas.total(), self.outside_weight)
        self.progress.step(note=f", loss {losses['loss']:.4f}, in the mask {losses['loss_mask']:.4f}")

    def write(self, step: int, rates: Mapping[str, float]) -> None:
        """Write the row of `step`: averages over the steps since the row before, and the learning rates."""
        if not self._steps:
            return
        seconds = time.monotonic() - self._start
        row: dict[str, Any] = {
            **_losses(self._errors.total(), self._areas.total(), self.outside_weight),
            "grad_norm": self._norms / updates if (updates := self._steps - self._skipped) else math.nan,
            "skipped_updates": self._skipped,
            **rates,
            "seconds_per_step": seconds / self._steps,
            "data_wait_share": self._data_seconds / seconds,
            "peak_memory_gib": peak_memory_gib(),
            **_losses_by_timestep(self._errors, self._areas, self.timesteps),
        }
        append_row(self.path, {"step": step, **row})
        self._track("training", step, row)
        self._warn_of_data_wait(row["data_wait_share"])
        self._reset()

    def preview(self, step: int, result: Result) -> None:
        """Write the scores and pictures of a preview. Its time does not count as a step's."""
        start = time.monotonic()
        append_row(self.previews, {"step": step, **result.scores})
        self._track("preview", step, result.scores)
        pictures = {preview_pictures.tag(name): shown.side_by_side()[None] for name, shown in result.pictures.items()}
        for tracker in self.trackers:
            layout = {"dataformats": "NHWC"} if isinstance(tracker, TensorBoardTracker) else {}
            tracker.log_images(pictures, step=step, **layout)
        log.info("preview after step %d: %s", step, ", ".join(f"{k} {v:.4g}" for k, v in result.scores.items()))
        self.exclude(time.monotonic() - start)

    def exclude(self, seconds: float) -> None:
        """Do not count these seconds as time of the steps."""
        self._start += seconds

    def _track(self, prefix: str, step: int, values: Mapping[str, float]) -> None:
        for tracker in self.trackers:
            tracker.log({f"{prefix}/{name}": value for name, value in values.items()}, step=step)

    def _warn_of_data_wait(self, share: float) -> None:
        """Warn once. The first row does not count, since files are opened in its steps."""
        self._rows += 1
        if self._rows > 1 and share > MAX_DATA_WAIT and not self._warned:
            self._warned = True
            log.warning(
                "%.0f %% of the time is spent waiting for latents; put them on a faster or a local disk",
                100 * share,
            )

    def close(self) -> None:
        """Flush and close the trackers."""
        for tracker in self.trackers:
            tracker.finish()


def _losses(errors: RegionSums, areas: RegionSums, outside_weight: float) -> dict[str, float]:
    return {
        "loss": float(errors.weighted(outside_weight) / areas.weighted(outside_weight)),
        "loss_mask": float(errors.inside / areas.inside),
        "loss_outside": float(errors.outside / areas.outside.clamp_min(1)),
    }


def _losses_by_timestep(errors: RegionSums, areas: RegionSums, timesteps: int) -> dict[str, float]:
    """The loss in the mask by ranges of timesteps, named by their first; ranges that were not drawn are left out."""
    losses = {number * timesteps // BINS: errors.inside[number] / areas.inside[number] for number in range(BINS)}
    return {f"loss_mask_t{first}": float(loss) for first, loss in losses.items() if not torch.isnan(loss)}


def peak_memory_gib() -> float:
    """Peak memory of this process in GiB: on the GPU if there is one, else resident in RAM."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
