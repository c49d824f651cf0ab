"""Scan of a sequence's three folders: frame names, file sizes and modification times, without opening a frame."""

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.video.sequence import FOLDERS, FRAME_NAME, Folders

MIN_AGE_NS = 2 * 10**9
"""Nanoseconds. A file modified more recently could change again without getting another modification time."""


class FrameEntry(NamedTuple):
    """A frame's directory entry."""

    number: int
    name: str
    length: int
    """Bytes of the file."""
    changed: int
    """Modification time in nanoseconds."""
    problem: str
    """Why the frame can't be opened; empty if it can."""


@dataclass
class FolderScan:
    """The scan of one open folder of a sequence."""

    descriptor: int = -1
    """File descriptor of the open folder; -1 if it could not be opened."""
    frames: dict[int, FrameEntry] = field(default_factory=dict)
    """The requested frames by number."""
    numbers: set[int] = field(default_factory=set)
    """Numbers of all frames in the folder."""
    stray: str = ""
    """The first name, in alphabetical order, that is no frame's; empty if there is none."""
    finding: Finding | None = None
    """Why the folder could not be scanned; None if it could."""


@contextlib.contextmanager
def open_folders(sequence: str, frames: int, folders: Folders = FOLDERS) -> Iterator[dict[str, FolderScan]]:
    """Scans of the sequence's three folders by their default names, with frames 1 to `frames`.

    folders: what they are called on disk. Inside the context they are open.
    """
    scans: dict[str, FolderScan] = {}
    try:
        for folder, name in zip(FOLDERS, folders, strict=True):
            scans[folder] = _scan(sequence, name, frames)
        yield scans
    finally:
        for scan in scans.values():
            if scan.descriptor >= 0:
                os.close(scan.descriptor)


def _scan(sequence: str, folder: str, frames: int) -> FolderScan:
    path = os.path.join(sequence, folder)  # noqa: PTH118 (12 million times: a Path costs as much as the call)
    scan = FolderScan()
    try:
        scan.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with os.scandir(scan.descriptor) as entries:
            for entry in entries:
                match = FRAME_NAME.fullmatch(entry.name)
                if match is None:
                    scan.stray = min(scan.stray or entry.name, entry.name)
                    continue
                number = int(match[1])
                scan.numbers.add(number)
                if 1 <= number <= frames:
                    scan.frames[number] = _frame_entry(number, entry)
    except (FileNotFoundError, NotADirectoryError):
        what = "is no folder" if os.path.lexists(path) else "is absent"
        scan.finding = Finding(Reason.MISSING_FOLDER, None, f"{folder} {what}")
    except OSError as error:
        scan.finding = Finding(Reason.UNREADABLE_FOLDER, None, f"{folder}: {error.strerror}")
    return scan


def _frame_entry(number: int, entry: os.DirEntry[str]) -> FrameEntry:
    try:
        status = entry.stat()
    except FileNotFoundError:
        return FrameEntry(number, entry.name, 0, 0, "is a link to nothing")
    except OSError as error:
        return FrameEntry(number, entry.name, 0, 0, f"can't be read: {error.strerror}")
    if stat.S_ISREG(status.st_mode):
        return FrameEntry(number, entry.name, status.st_size, status.st_mtime_ns, "")
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "neither a file nor a folder"
    return FrameEntry(number, entry.name, 0, 0, f"is {kind}")


def stamp(scans: dict[str, FolderScan]) -> str:
    """A digest of the frames' names, sizes and modification times: if it is unchanged, no frame is read again.

    Empty, which counts as changed, if a folder could not be scanned or a frame was modified within MIN_AGE_NS.
    """
    if any(scan.finding for scan in scans.values()):
        return ""
    listed = [(sorted(scan.frames.values()), sorted(scan.numbers)) for scan in scans.values()]
    newest = max((entry.changed for frames, _ in listed for entry in frames), default=0)
    if newest > time.time_ns() - MIN_AGE_NS:
        return ""
    return hashlib.sha256(repr(listed).encode()).hexdigest()
