"""Free space and inodes of disks, and bytes as text."""

import math
import os
import shutil
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that a folder is on, or will be on when it is made."""
    return shutil.disk_usage(_nearest(folder)).free


def free_inodes(folder: Path) -> float:
    """How many more files and folders the disk of such a folder can hold; infinity where it has no such limit."""
    disk = os.statvfs(_nearest(folder))
    return disk.f_favail if disk.f_files else math.inf


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def format_bytes(size: float) -> str:
    """Bytes with a decimal unit, e.g. 1.23 GB; 1 GB is 10^9 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
