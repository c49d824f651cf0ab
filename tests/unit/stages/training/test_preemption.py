"""Trainings that a signal or a time limit stops: they save, exit with code 75, and resume to the same bits."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inpainting.cli import main
from inpainting.stages.training import checkpoints
from inpainting.stages.training.preemption import MARGIN_SECONDS, Stop, remove_marker, sentence, stopped, write_marker
from trainings import checkpoint_files, metrics_rows

Arguments = Callable[..., list[str]]


def steps_of(out: Path) -> list[int]:
    return [checkpoint.step for checkpoint in checkpoints.found(out / "checkpoints")]


@contextlib.contextmanager
def signalled_after_step(out: Path, step: int, number: signal.Signals) -> Iterator[None]:
    """Sends this process a signal when a checkpoint is there, while there is someone to handle it."""
    over, before = threading.Event(), signal.getsignal(number)

    def send() -> None:
        while not over.wait(0.002):
            if (out / "checkpoints" / f"step-{step}").exists() and signal.getsignal(number) != before:
                os.kill(os.getpid(), number)
                return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_saves_and_exits_with_75_and_the_next_run_ends_bit_identical(
    training_arguments: Arguments, tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--steps", "40", "--save-every", "10", "--ema-decay", "0.9"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    handler = signal.getsignal(number)
    with signalled_after_step(tmp_path / "run", 10, number):
        assert main(training_arguments(tmp_path / "run", *options)) == 75
    assert signal.getsignal(number) == handler
    assert f"stopped by {number.name} after step" in capsys.readouterr().err
    last = checkpoints.latest(checkpoints.found(tmp_path / "run" / "checkpoints"))
    assert last is not None
    assert 10 <= last.step < 40
    assert metrics_rows(tmp_path / "run")[-1]["step"] == last.step
    assert not (tmp_path / "run" / "training.json").exists()
    assert main(training_arguments(tmp_path / "run", *options)) == 0
    assert checkpoint_files(tmp_path / "run") == checkpoint_files(tmp_path / "whole")


def test_a_near_time_limit_saves_and_exits_with_75_and_each_run_resumes(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (1, 2, 3):
        assert main(training_arguments(tmp_path, "--time-limit", "0.5")) == 75
        assert f"stopped by the time limit after step {step}," in capsys.readouterr().err
        assert steps_of(tmp_path)[-1] == step
        assert json.loads((tmp_path / "stopped.json").read_text()) == {"step": step, "reason": "the time limit"}
    assert main(training_arguments(tmp_path, "--time-limit", "0.5")) == 0
    assert not (tmp_path / "stopped.json").exists()
    assert checkpoint_files(tmp_path) == checkpoint_files(tiny_training)


def test_a_distant_time_limit_changes_nothing(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    assert main(training_arguments(tmp_path, "--time-limit", "60")) == 0
    assert checkpoint_files(tmp_path) == checkpoint_files(tiny_training)


@pytest.mark.parametrize(("seconds", "stops"), [(MARGIN_SECONDS - 1, True), (MARGIN_SECONDS + 60, False)])
def test_the_end_of_a_slurm_job_counts_as_a_time_limit(seconds: float, stops: bool) -> None:
    for limit in (None, 999.0):
        reason = Stop(limit, {"SLURM_JOB_END_TIME": str(int(time.time() + seconds))}).after_step()
        assert (reason == "the time limit") == stops
    assert Stop(None, {}).after_step() is None


def test_stopped_trainings_are_listed_with_what_to_do(tmp_path: Path) -> None:
    for name in ("stopped", "gone_on"):
        write_marker(tmp_path / name, 7, "the time limit")
    remove_marker(tmp_path / "gone_on")
    message = sentence(7, "the time limit")
    assert message.startswith("stopped by the time limit after step 7, which is saved")
    assert stopped(tmp_path, ["stopped", "gone_on", "not_begun"]) == [f"training of stopped: {message}"]


@pytest.mark.slow
def test_a_run_whose_log_is_closed_by_the_same_signal_still_saves(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    options = ["--steps", "5000", "--save-every", "2000", "--log-every", "20"]
    command = [sys.executable, "-m", "inpainting.cli", *training_arguments(tmp_path, *options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        until = time.monotonic() + 600
        while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert running.stderr is not None
        running.stderr.close()
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=600) != 0
    assert steps_of(tmp_path)
