"""One training at a time in an experiment's folder."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from inpainting.core.errors import InputError
from inpainting.core.locks import try_lock

LOCK_FILE = "train.lock"
"""Locked by a training's main process; its text names that process. It counts only while it is locked."""
ATTEMPTS, PAUSE_SECONDS = 20, 0.25
"""Time for the processes of a training that was just killed to end."""


@contextmanager
def only_training(out: Path, is_main_process: bool) -> Iterator[None]:
    """Hold the lock of an experiment's folder, which is made if it is missing; other than the main process, nothing.

    Raises InputError if another process holds it.
    """
    lock = _lock(out) if is_main_process else None
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _lock(out: Path) -> TextIO:
    out.mkdir(parents=True, exist_ok=True)
    path = out / LOCK_FILE
    for _ in range(ATTEMPTS):
        if lock := try_lock(path, "start no second training with this --out"):
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {platform.node()}\n")
            lock.flush()
            return lock
        time.sleep(PAUSE_SECONDS)
    holder = path.read_text(encoding="utf-8").strip() or "another process"
    raise InputError(f"--out: {holder} is training in {out}; wait until it ends, stop it, or give another folder")
