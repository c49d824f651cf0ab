"""What a SLURM job asks SLURM about itself, with stand-ins for SLURM's commands that answer as the real ones do."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from inpainting.core import slurm
from inpainting.core.errors import InputError, Unfinished


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The handlers of signals are as before after the test."""
    handlers = {number: signal.getsignal(number) for number in slurm.SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def job(folder: Path, **commands: str) -> dict[str, str]:
    """The environment of job 7, with commands whose shell scripts are given; each also notes how it was called."""
    for name, script in commands.items():
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\n{script}\n')
        (folder / name).chmod(0o755)
    return {"SLURM_JOB_ID": "7", "PATH": f"{folder}{os.pathsep}/usr/bin:/bin"}


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().splitlines() if path.is_file() else []


def test_squeue_is_asked_once_for_the_end_of_the_job_as_unix_time(tmp_path: Path) -> None:
    environment = job(tmp_path, squeue='[ "$SLURM_TIME_FORMAT" = %s ] && echo 1700000000')
    assert slurm.job_end(environment) == 1_700_000_000
    assert calls(tmp_path) == ["squeue --noheader --jobs=7 --format=%e"]


def test_an_end_that_slurm_has_set_is_taken_without_asking(tmp_path: Path) -> None:
    environment = job(tmp_path, squeue="echo 1") | {"SLURM_JOB_END_TIME": "1700000000"}
    assert slurm.job_end(environment) == 1_700_000_000
    assert not calls(tmp_path)


@pytest.mark.parametrize("answer", ["echo N/A", "echo 'slurm_load_jobs error' >&2; exit 1", "true"])
def test_without_a_limit_or_an_answer_there_is_no_end(tmp_path: Path, answer: str) -> None:
    assert slurm.job_end(job(tmp_path, squeue=answer)) is None


def test_outside_a_job_and_where_slurm_is_not_installed_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert slurm.job_end({"PATH": str(tmp_path)}) is None
    assert slurm.job_end({"PATH": str(tmp_path / "empty"), "SLURM_JOB_ID": "7"}) is None


@pytest.mark.parametrize("ending", [Unfinished("stopped by the time limit"), SystemExit(75)])
def test_a_running_job_whose_work_is_saved_is_requeued_and_outlives_the_signal(
    tmp_path: Path, ending: BaseException
) -> None:
    environment = job(tmp_path, squeue="echo RUNNING", scontrol=f"kill -TERM {os.getpid()}")
    with pytest.raises(type(ending)), slurm.requeued(environment):
        raise ending
    assert calls(tmp_path)[-1] == "scontrol requeue 7"


@pytest.mark.parametrize("number", slurm.SIGNALS)
def test_a_job_that_gets_a_signal_while_it_still_starts_is_requeued(tmp_path: Path, number: signal.Signals) -> None:
    environment = job(tmp_path, squeue="echo RUNNING", scontrol="true")
    with pytest.raises(Unfinished, match=rf"^stopped by {number.name} while no step"), slurm.requeued(environment):
        signal.raise_signal(number)
    assert calls(tmp_path)[-1] == "scontrol requeue 7"


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", "TIMEOUT"])
def test_a_job_that_is_cancelled_or_over_its_limit_is_not_requeued(tmp_path: Path, state: str) -> None:
    environment = job(tmp_path, squeue=f"echo {state}", scontrol="true")
    with pytest.raises(Unfinished), slurm.requeued(environment):
        raise Unfinished("stopped by SIGTERM")
    assert [call.split()[0] for call in calls(tmp_path)] == ["squeue"]


@pytest.mark.parametrize("ending", [InputError("damaged"), SystemExit(1), SystemExit(143)])
def test_a_job_that_failed_is_not_requeued(tmp_path: Path, ending: BaseException) -> None:
    environment = job(tmp_path, squeue="echo RUNNING", scontrol="true")
    with pytest.raises(type(ending)), slurm.requeued(environment):
        raise ending
    assert not calls(tmp_path)


def test_a_refused_request_is_logged_and_the_step_ends_as_it_would(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = job(tmp_path, squeue="echo RUNNING", scontrol="echo 'Requested operation is disabled' >&2; exit 1")
    with pytest.raises(Unfinished), slurm.requeued(environment):
        raise Unfinished("stopped by the time limit")
    assert "scontrol requeue 7 failed: Requested operation is disabled" in caplog.text
