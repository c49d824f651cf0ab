"""One training at a time in an experiment's folder."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inpainting.cli import main
from inpainting.core.errors import InputError
from inpainting.stages.training.running import LOCK_FILE, only_training

Arguments = Callable[..., list[str]]


@pytest.fixture
def running(training_arguments: Arguments, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A training in tmp_path of thousands of steps."""
    long = training_arguments(tmp_path, "--steps", "5000", "--save-every", "5000")
    process = subprocess.Popen([sys.executable, "-m", "inpainting.cli", *long])
    try:
        until = time.monotonic() + 300
        while not (tmp_path / LOCK_FILE).exists() or not (tmp_path / LOCK_FILE).read_text():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_training_in_the_same_folder_is_refused_until_the_first_is_killed(
    running: subprocess.Popen[bytes],
    training_arguments: Arguments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(training_arguments(tmp_path)) == 1
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert sentence.startswith(f"inpaint train: --out: process {running.pid} on ")
    assert sentence.endswith(f" is training in {tmp_path}; wait until it ends, stop it, or give another folder")
    assert running.poll() is None
    running.kill()
    running.wait()
    assert (tmp_path / LOCK_FILE).exists()
    assert main(training_arguments(tmp_path)) == 0


def test_only_the_main_process_takes_the_lock_and_the_others_need_none(tmp_path: Path) -> None:
    main_process, other = (only_training(tmp_path, is_main_process) for is_main_process in (True, False))
    with main_process, other, pytest.raises(InputError, match="is training in"):
        only_training(tmp_path, is_main_process=True).__enter__()
    with only_training(tmp_path, is_main_process=True):
        pass


def test_a_run_that_is_put_aside_leaves_the_lock_where_it_is(training_arguments: Arguments, tmp_path: Path) -> None:
    assert main(training_arguments(tmp_path)) == 0
    assert main(training_arguments(tmp_path, "--seed", "1", "--on-change", "restart")) == 0
    (aside,) = (tmp_path / "previous").iterdir()
    assert (tmp_path / LOCK_FILE).exists() and not (aside / LOCK_FILE).exists()
