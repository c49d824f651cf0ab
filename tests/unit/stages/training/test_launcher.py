"""Processes that a launcher started, and variables of a launcher that started none."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from inpainting.cli import main
from inpainting.core.errors import UsageError
from inpainting.stages.training.launcher import check_processes, ignore_incomplete, is_worker

WORKER = {"WORLD_SIZE": "4", "RANK": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
INCONSISTENT = [
    {"RANK": None},
    {"LOCAL_RANK": None},
    {"MASTER_ADDR": ""},
    {"WORLD_SIZE": None},
    {"WORLD_SIZE": "2"},
    {"WORLD_SIZE": "1", "RANK": "0"},
    {"RANK": "-1"},
    {"LOCAL_RANK": "3"},
]


def changed(changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in (WORKER | changes).items() if value is not None}


def test_a_process_with_all_variables_of_a_launcher_is_a_worker_and_keeps_them() -> None:
    environment = dict(WORKER)
    ignore_incomplete(environment)
    assert environment == WORKER
    assert is_worker(environment)


@pytest.mark.parametrize("changes", INCONSISTENT)
def test_incomplete_or_inconsistent_variables_are_ignored_and_logged(
    changes: dict[str, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    environment = changed(changes) | {"HOME": "/root"}
    assert not is_worker(environment)
    with caplog.at_level(logging.WARNING):
        ignore_incomplete(environment)
    assert environment == {"HOME": "/root"}
    assert all(f"{name}={value}" in caplog.text for name, value in changed(changes).items())


def test_without_a_launchers_variables_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    ignore_incomplete({"HOME": "/root"})
    assert not caplog.text


def test_another_number_of_processes_than_a_launcher_started_is_refused() -> None:
    for fitting in (1, 4):
        check_processes(fitting, WORKER)
    check_processes(2, changed({"RANK": None}))
    with pytest.raises(UsageError, match="--processes: 2 was given, but a launcher started 4 "):
        check_processes(2, WORKER)


def test_a_training_with_a_preset_world_size_does_not_wait_for_others(
    training_arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    preset = {"WORLD_SIZE": "8", "RANK": "0", "MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "29500"}
    command = [sys.executable, "-m", "inpainting.cli", *training_arguments(tmp_path / "out")]
    done = subprocess.run(command, env={**os.environ, **preset}, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "ignored WORLD_SIZE=8 RANK=0 MASTER_ADDR=192.0.2.1 MASTER_PORT=29500" in done.stderr


def test_a_process_that_no_launcher_started_says_for_whom_it_waits_and_gives_up() -> None:
    script = (
        "import logging, time; from inpainting.stages.training import distributed as d; d.JOIN_SECONDS = 0.1\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "with d.joining_group(): time.sleep(600)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **WORKER}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert "waits for the other 3 of 4 processes at node1 (RANK=2 WORLD_SIZE=4)" in said[0]
    assert "did not come; start them, or unset RANK and WORLD_SIZE if no launcher started this process" in said[1]


def test_a_process_that_has_joined_its_group_goes_on() -> None:
    script = (
        "import os, time; from inpainting.stages.training import distributed as d; d.JOIN_SECONDS = 0.5\n"
        "with d.joining_group(): pass\n"
        "time.sleep(1)"
    )
    environment = {**os.environ, **WORKER}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0


def test_several_nodes_share_the_processes_of_a_slurm_job_alone(
    training_arguments: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert main(training_arguments(tmp_path, "--nodes", "2", "--processes", "3")) == 2
    assert "--nodes: 2 was given with processes: 3; each machine starts an equal share" in capsys.readouterr().err
    assert main(training_arguments(tmp_path, "--nodes", "2", "--processes", "2")) == 2
    assert "--nodes: 2 was given, but this is no SLURM job" in capsys.readouterr().err
