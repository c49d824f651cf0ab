"""GPUs of this machine for processes that start independently: each takes GPUs that no other `inpaint` process has.

A GPU, or a MIG instance of one, has a lock file in a folder of the user in the temporary directory.
"""

import itertools
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from inpainting.core.locks import try_lock

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 0.5
"""Time between two attempts to lock a GPU."""
WITHOUT_LOCKS = "jobs may share GPUs; set TMPDIR to a local disk"
"""What follows if the temporary directory's file system has no locks."""

_held: dict[str, TextIO] = {}
"""Locked files of this process by the names of their GPUs; never closed, so locked until the process ends."""


@dataclass(frozen=True)
class Gpu:
    """A GPU of this machine."""

    name: str
    """Its UUID, or its index where nvidia-smi is not installed."""
    instances: tuple[str, ...] = ()
    """UUIDs of its MIG instances."""

    @property
    def units(self) -> tuple[str, ...]:
        """Names of what a process can have for itself: the MIG instances, or the GPU."""
        return self.instances or (self.name,)


def reserve(count: int) -> None:
    """Wait for `count` free GPUs and let CUDA_VISIBLE_DEVICES name them; call it before CUDA is initialised.

    A CUDA_VISIBLE_DEVICES that is set restricts the choice. Nothing is done under SLURM, which assigns GPUs itself, on
    a machine with one GPU or none, if fewer than `count` are visible, and in a process that has GPUs already. A process
    that is restricted to one GPU marks it as taken and does not wait for it.
    """
    if count < 1 or _held or "SLURM_JOB_ID" in os.environ:
        return
    gpus = list_gpus()
    entries = visible_entries(os.environ.get(VISIBLE), gpus)
    if sum(len(gpu.units) for gpu in gpus) < 2 or len(entries) < count:
        return
    folder = Path(tempfile.gettempdir()) / f"inpainting-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if len(entries) == 1:
        _lock_free(folder, entries, count)
        return
    _lock(folder, entries, count)
    os.environ[VISIBLE] = ",".join(entries[unit] for unit in _held)
    log.info("computes on %s, of %d GPUs", os.environ[VISIBLE], len(entries))


def list_gpus(device_files: Path = Path("/dev")) -> list[Gpu]:
    """The GPUs of this machine, whatever CUDA_VISIBLE_DEVICES is, without initialising CUDA in this process."""
    if shutil.which("nvidia-smi") is None:
        return [Gpu(str(index)) for index, _ in enumerate(device_files.glob("nvidia[0-9]*"))]
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    gpus: list[Gpu] = []
    for indent, uuid in re.findall(r"^( *).*\(UUID: ([^)]+)\)", listing, re.MULTILINE):
        if indent and gpus:
            gpus[-1] = Gpu(gpus[-1].name, (*gpus[-1].instances, uuid))
        else:
            gpus.append(Gpu(uuid))
    return gpus


def visible_entries(visible: str | None, gpus: list[Gpu]) -> dict[str, str]:
    """The entry of CUDA_VISIBLE_DEVICES by unit, for each unit that a process may use.

    visible: the variable's value: indices, and UUIDs of GPUs and MIG instances or their first characters; None if it is
    not set. As in CUDA, entries after an invalid one do not count, and the index of a GPU with MIG means its first
    instance.
    """
    if visible is None:
        return {unit: unit for gpu in gpus for unit in gpu.units}
    entries: dict[str, str] = {}
    for entry in map(str.strip, visible.split(",")):
        unit = _unit(entry, gpus)
        if unit is None:
            break
        entries.setdefault(unit, entry)
    return entries


def _unit(entry: str, gpus: list[Gpu]) -> str | None:
    if entry.isdecimal():
        return gpus[int(entry)].units[0] if int(entry) < len(gpus) else None
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    named = [(gpu.name, gpu.units[0]) for gpu in gpus] + [(name, name) for gpu in gpus for name in gpu.instances]
    return next((unit for name, unit in named if name.startswith(entry)), entry)


def _lock(folder: Path, entries: dict[str, str], count: int) -> None:
    """Lock `count` of the units, keeping those that are free already.

    Of the processes that need several, one at a time does so: two could wait for each other's for ever.
    """
    turn = None
    for attempt in itertools.count():
        if count > 1 and turn is None:
            turn = try_lock(folder / "several", WITHOUT_LOCKS)
        if (count == 1 or turn) and _lock_free(folder, entries, count):
            break
        if attempt == 1:
            log.info("waiting for %d of %d GPUs: other `inpaint` processes have them", count, len(entries))
        time.sleep(POLL_SECONDS)
    if turn:
        turn.close()


def _lock_free(folder: Path, entries: dict[str, str], count: int) -> bool:
    """Lock free units until this process has `count`; whether it has."""
    for unit in entries:
        if len(_held) == count or unit in _held:
            continue
        if stream := try_lock(folder / unit.replace("/", "_"), WITHOUT_LOCKS):
            _held[unit] = stream
    return len(_held) == count
