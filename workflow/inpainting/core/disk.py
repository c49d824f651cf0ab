"""Free space of disks, and bytes as text."""

import shutil
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that a folder is on, or will be on when it is made."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def format_bytes(size: float) -> str:
    """Bytes with a decimal unit, e.g. 1.23 GB; 1 GB is 10^9 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
