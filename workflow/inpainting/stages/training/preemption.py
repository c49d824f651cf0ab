"""Stopping before the last step with the work saved, on SIGTERM, SIGUSR1, SIGINT (Ctrl-C) or near a time limit."""

import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from inpainting.core import slurm
from inpainting.core.files import read_json, write_json

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
MARGIN_SECONDS = 60.0
"""Time reserved for saving before a limit, in addition to that of MARGIN_STEPS steps."""
MARGIN_STEPS = 3

MARKER = "stopped.json"
"""File in an experiment's folder while its training is stopped: the step that is saved, and why it stopped."""


class Stop:
    """Why a run has to stop early. Processes of one run may learn it at different steps."""

    def __init__(self, limit_minutes: float | None, environment: Mapping[str, str] = os.environ) -> None:
        """The limit counts from now. The end of a SLURM job is a limit as well; SLURM is asked for it here, once."""
        self._reason: str | None = None
        self._slowest, self._last = 0.0, time.monotonic()
        left = [] if limit_minutes is None else [60 * limit_minutes]
        end = slurm.job_end(environment)
        if end is not None:
            left.append(end - time.time())
        self._deadline = self._last + min(left) if left else None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within this context, the signals ask for a stop after the step instead of ending the process."""
        before = {number: signal.signal(number, self._on_signal) for number in (*SIGNALS, signal.SIGPIPE)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        # The same signal may end the process that the log is piped to; the checkpoint has to be saved all the same.
        if number != signal.SIGPIPE:
            self._reason = signal.Signals(number).name

    def is_asked(self) -> bool:
        """Whether a signal has asked to stop."""
        return self._reason is not None

    def after_step(self) -> str | None:
        """Why to stop after the step that has just ended, or None."""
        now = time.monotonic()
        self._slowest, self._last = max(self._slowest, now - self._last), now
        margin = MARGIN_SECONDS + MARGIN_STEPS * self._slowest
        if self._reason is None and self._deadline is not None and now + margin > self._deadline:
            self._reason = "the time limit"
        return self._reason


def write_marker(out: Path, step: int, reason: str) -> None:
    """Record that a training has stopped after `step`, with its work saved."""
    write_json(out / MARKER, {"step": step, "reason": reason})


def remove_marker(out: Path) -> None:
    """Remove the record, because the training goes on or is done."""
    (out / MARKER).unlink(missing_ok=True)


def stopped(trainings: Path, experiments: Collection[str]) -> list[str]:
    """One sentence for each training that has stopped with its work saved and has not been resumed since.

    trainings: the folder of the experiments' folders.
    """
    markers = {name: trainings / name / MARKER for name in experiments}
    return [f"training of {name}: {sentence(**read_json(path))}" for name, path in markers.items() if path.is_file()]


def sentence(step: int, reason: str) -> str:
    """The message about a stopped training."""
    return f"stopped by {reason} after step {step}, which is saved; run the same command again to go on from there"
