"""What a job on a SLURM cluster asks SLURM about itself: when it ends, and to be started again."""

import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from inpainting.core.errors import Unfinished

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30
"""Time that SLURM has to answer."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""By these SLURM ends a job, or tells it that it will."""


def job_end(environment: Mapping[str, str] = os.environ) -> float | None:
    """When this SLURM job has to end, as Unix time; None outside a job, without a limit, and if SLURM does not answer.

    Old versions of SLURM do not set SLURM_JOB_END_TIME, and Snakemake's plugin removes it, so squeue is asked.
    """
    answer = environment.get("SLURM_JOB_END_TIME") or _ask_squeue("%e", environment)
    return float(answer) if answer and answer.isdecimal() else None


@contextmanager
def requeued(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """If the step within this context is stopped, ask SLURM to start the job again; for the last step of a process.

    A signal that the step does not handle, because it still starts, raises Unfinished. A job that is being cancelled,
    or is over its limit, is not running any more and stays as it is. After the request this process ignores SIGTERM, by
    which SLURM ends the job, so that it still says why it stopped.
    """
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        yield
    except (Unfinished, SystemExit) as ending:
        stopped = isinstance(ending, Unfinished) or ending.code == os.EX_TEMPFAIL
        if stopped and _ask_squeue("%T", environment) == "RUNNING":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _run(["scontrol", "requeue", environment["SLURM_JOB_ID"]], environment)
        raise


def _stop(number: int, _: FrameType | None) -> None:
    name = signal.Signals(number).name
    raise Unfinished(f"stopped by {name} while no step was running; run the same command again to go on")


def _ask_squeue(field: str, environment: Mapping[str, str]) -> str | None:
    """A field of this job as squeue prints it, with times as Unix time."""
    job = environment.get("SLURM_JOB_ID")
    if not job or shutil.which("squeue", path=environment.get("PATH")) is None:
        return None
    asked = ["squeue", "--noheader", f"--jobs={job}", f"--format={field}"]
    return _run(asked, {**environment, "SLURM_TIME_FORMAT": "%s"})


def _run(command: list[str], environment: Mapping[str, str]) -> str | None:
    """What a command of SLURM's prints, or None if it fails, which is logged."""
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("%s failed: %s", " ".join(command), error)
        return None
    if done.returncode:
        log.warning("%s failed: %s", " ".join(command), done.stderr.strip())
        return None
    return done.stdout.strip()
