"""Locks between processes."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from inpainting.core.locks import try_lock

HOLDS = (
    "import sys, pathlib; from inpainting.core.locks import try_lock\n"
    "held = try_lock(pathlib.Path(sys.argv[1]), 'start no other')"
)


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
    assert try_lock(path, "") is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert try_lock(path, "") is not None


def test_closing_unlocks(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock", "")
    assert first is not None and try_lock(tmp_path / "lock", "") is None
    first.close()
    assert try_lock(tmp_path / "lock", "") is not None


def test_a_process_that_is_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock", "")
    assert first is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        first.close()
        assert try_lock(tmp_path / "lock", "") is not None
        child.communicate(b"\n")


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_on_a_file_system_without_locks_a_warning_says_what_to_see_to(error: int, tmp_path: Path) -> None:
    """The kernel's answer is that of such a file system."""
    answer = tmp_path / "flock.cpp"
    answer.write_text('#include <cerrno>\nextern "C" int flock(int, int) { errno = ERROR; return -1; }\n')
    library = tmp_path / "flock.so"
    subprocess.run(["g++", "-shared", "-fPIC", f"-DERROR={error}", "-o", library, answer], check=True)
    path = tmp_path / "lock"
    done = subprocess.run(
        [sys.executable, "-c", f"{HOLDS}; held.write('its holder')", str(path)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == f"{path} can't be locked ({os.strerror(error)}): start no other\n"
    assert path.read_text() == "its holder"
