"""Locks between processes: files that the kernel unlocks when their process ends, however it ends."""

import fcntl
from pathlib import Path
from typing import TextIO


def try_lock(path: Path) -> TextIO | None:
    """Lock a file, made if it is missing, until the returned file is closed; None if another process has locked it.

    Raises OSError if the file can't be made, or if the file system has no locks.
    """
    stream = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    except OSError:
        stream.close()
        raise
    return stream
