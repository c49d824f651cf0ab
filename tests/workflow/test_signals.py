"""Signals that reach every process of a run, as those of SLURM and Ctrl-C in a terminal do."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from snakemake_runs import configure, snakemake


@pytest.fixture
def training(finished: Path, tmp_path: Path) -> Path:
    """A project whose training has all that it needs and takes far longer than a test."""
    folder = Path(shutil.copytree(finished, tmp_path / "project"))
    shutil.rmtree(folder / "results" / "training")
    configure(folder, training={"steps": 100_000, "save_every": 100_000, "log_every": 1})
    return folder


@pytest.mark.slow
def test_the_log_says_how_a_training_that_got_a_signal_ended(training: Path) -> None:
    results = training / "results"
    log, metrics = results / "logs" / "train-one.log", results / "training" / "one" / "metrics.jsonl"
    for number, sentence in (
        (signal.SIGINT, "inpaint train: stopped by SIGINT after step"),
        (signal.SIGTERM, "inpaint train: stopped by SIGTERM after step"),
    ):
        metrics.unlink(missing_ok=True)
        command = snakemake(training, "results/training/one/training.json")
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            deadline = time.monotonic() + 300
            while not metrics.is_file() and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.05)
            os.killpg(process.pid, number)
            _, printed = process.communicate()
        assert process.returncode != 0
        assert sentence in log.read_text(), printed
    assert "training of one: stopped by SIGTERM" in printed
