"""Locks between processes: files that the kernel unlocks when their process ends, however it ends."""

import errno
import fcntl
import logging
from pathlib import Path
from typing import TextIO

log = logging.getLogger(__name__)

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of a file system that has no locks, as NFS without its lock service or Lustre mounted without flock."""


def try_lock(path: Path, without_locks: str) -> TextIO | None:
    """Lock a file, made if it is missing, until the returned file is closed; None if another process has locked it.

    On a file system without locks, it is returned unlocked, with a warning that ends in `without_locks`: what the user
    has to see to. Raises OSError if the file can't be made.
    """
    stream = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            stream.close()
            raise
        log.warning("%s can't be locked (%s): %s", path, error.strerror, without_locks)
    return stream
