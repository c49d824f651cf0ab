"""Locks between processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from inpainting.core.locks import try_lock

HOLDS = "import sys, pathlib; from inpainting.core.locks import try_lock; held = try_lock(pathlib.Path(sys.argv[1]))"


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that has locked a file and keeps it locked."""
    code = f"{HOLDS}; print('locked', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "locked\n"
    return process


def test_a_file_is_locked_by_one_process_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    assert try_lock(path) is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert try_lock(path) is not None


def test_closing_unlocks(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None and try_lock(tmp_path / "lock") is None
    first.close()
    assert try_lock(tmp_path / "lock") is not None


def test_a_process_that_is_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        first.close()
        assert try_lock(tmp_path / "lock") is not None
        child.communicate(b"\n")
