"""The disk that a training's checkpoints need: whether it will do, and waiting for it.

Neither torch nor a weight is loaded: `inpaint plan` asks before anything is computed.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inpainting.artifacts.checkpoint_state import OPTIMIZER_FILE
from inpainting.core.disk import format_bytes, free_bytes, free_inodes
from inpainting.models.shapes import Base, count, prompt_bytes
from inpainting.stages.training.memory import state_bytes, trained_shapes
from inpainting.stages.training.settings import TrainSettings, checkpoint_steps

log = logging.getLogger(__name__)

INODES = 14
"""Files and folders of a checkpoint, at most."""
ROWS_BYTES = 2**20
"""Bytes that a row of metrics and the trackers' files need, at most."""
PAUSE_SECONDS = 1.0
"""Between two looks at a full disk."""


@dataclass(frozen=True)
class CheckpointBytes:
    """Bytes of a checkpoint's tensors; headers and JSON come on top, some kilobytes.

    adapter: LoRA, widened layers and the prompt's embedding; resume: what a run needs to go on (the optimizer's state
    and, with a moving average, the weights under training); probe: the prediction that validation compares with.
    """

    adapter: int
    resume: int
    probe: int

    @property
    def whole(self) -> int:
        """Bytes of a checkpoint that a run can go on from."""
        return self.adapter + self.resume + self.probe


def checkpoint_bytes(base: Base, training: TrainSettings, latent_shape: tuple[int, int, int]) -> CheckpointBytes:
    """Bytes of a checkpoint of an experiment. What trains, and the prediction, are float32.

    latent_shape: of a window, [latent frames, rows, columns].
    """
    shapes = trained_shapes(base, training)
    trained = 4 * count(shapes)
    return CheckpointBytes(
        adapter=trained + prompt_bytes(base),
        resume=state_bytes(training.optimizer, shapes) + (trained if training.ema_decay else 0),
        probe=4 * math.prod(latent_shape) * int(base.transformer["out_channels"]),
    )


class CheckpointDisk:
    """The disk that holds a training's checkpoints."""

    def __init__(self, folder: Path, training: TrainSettings, size: CheckpointBytes) -> None:
        """folder: of the checkpoints, there or not; size: of each."""
        self.folder, self.training, self.size = folder, training, size

    def warn_if_small(self, step: int) -> None:
        """Log a warning if there is no room for the checkpoints of steps after `step`.

        Of all but `keep_last`, only the adapter is kept; the one too many is removed when the next is there.
        """
        missing = sum(wanted > step for wanted in checkpoint_steps(self.training))
        resumable = sum(1 for _ in self.folder.glob(f"step-*/{OPTIMIZER_FILE}"))
        more_resumable = max(0, min(resumable + missing, self.training.keep_last + 1) - resumable)
        needed = missing * (self.size.adapter + self.size.probe) + more_resumable * self.size.resume
        space, inodes = free_bytes(self.folder), free_inodes(self.folder)
        if space < needed or inodes < missing * INODES:
            log.warning(
                "%s: the next %d checkpoints need %s of disk and %d files; there is room for %s and %.0f files. Make "
                "room before the disk is full",
                *(self.folder, missing, format_bytes(needed), missing * INODES, format_bytes(space), inodes),
            )

    def wait_for_row(self, stopping: Callable[[], bool]) -> None:
        """Wait until a row of metrics can be written, see `wait_for_space`."""
        wait_for_space(self.folder, ROWS_BYTES, self.training.wait_for_space, stopping)

    def wait_for_checkpoint(self, stopping: Callable[[], bool]) -> None:
        """Wait until a checkpoint can be written, see `wait_for_space`."""
        wait_for_space(self.folder, self.size.whole + ROWS_BYTES, self.training.wait_for_space, stopping)


def wait_for_space(folder: Path, needed: int, minutes: float, stopping: Callable[[], bool]) -> None:
    """Return when the disk of a folder has `needed` bytes and a checkpoint's inodes free, or after `minutes`.

    It returns early when `stopping` says so. Whoever writes then may still find the disk full.
    """
    deadline, told = time.monotonic() + 60 * minutes, False
    while minutes and (free_bytes(folder) < needed or free_inodes(folder) < INODES):
        left = deadline - time.monotonic()
        if left <= 0 or stopping():
            return
        if not told:
            log.warning(
                "%s: the disk is full. Training needs %s and %d files, and waits up to %g minutes for them; make room",
                *(folder, format_bytes(needed), INODES, minutes),
            )
            told = True
        time.sleep(min(PAUSE_SECONDS, left))
    if told:
        log.info("%s: there is room again, training goes on", folder)
