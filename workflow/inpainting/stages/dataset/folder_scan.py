"""What a sequence's folders list: which frames, how large, of which time; read at once and without opening a frame."""

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.video.sequence import FOLDERS, FRAME_NAME

SETTLED = 2 * 10**9
"""Nanoseconds after a file's last change before its time says for sure that it was not changed once more."""


class Entry(NamedTuple):
    """A frame as its folder lists it."""

    number: int
    name: str
    length: int
    """Bytes of the file."""
    changed: int
    """Time of the last change, in nanoseconds."""
    problem: str
    """Why it can't be opened, or empty."""


@dataclass
class Listing:
    """One folder of a sequence, open."""

    descriptor: int = -1
    """The open folder; -1 where it could not be opened."""
    frames: dict[int, Entry] = field(default_factory=dict)
    """The frames that were asked for, by number."""
    numbers: set[int] = field(default_factory=set)
    """Numbers of all frames that the folder has."""
    stray: str = ""
    """The first other name, where no frame is there."""
    finding: Finding | None = None
    """Why the folder could not be listed."""


@contextlib.contextmanager
def open_folders(sequence: str, frames: int) -> Iterator[dict[str, Listing]]:
    """The sequence's three folders, by name, listed up to frame `frames` and open as long as the context lasts."""
    listings: dict[str, Listing] = {}
    try:
        for folder in FOLDERS:
            listings[folder] = _list(sequence, folder, frames)
        yield listings
    finally:
        for listing in listings.values():
            if listing.descriptor >= 0:
                os.close(listing.descriptor)


def _list(sequence: str, folder: str, frames: int) -> Listing:
    path = os.path.join(sequence, folder)  # noqa: PTH118 (12 million times: a Path costs as much as the call)
    listing = Listing()
    try:
        listing.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with os.scandir(listing.descriptor) as entries:
            for entry in entries:
                match = FRAME_NAME.fullmatch(entry.name)
                if match is None:
                    listing.stray = min(listing.stray or entry.name, entry.name)
                    continue
                number = int(match[1])
                listing.numbers.add(number)
                if 1 <= number <= frames:
                    listing.frames[number] = _look(number, entry)
    except (FileNotFoundError, NotADirectoryError):
        what = "is no folder" if os.path.lexists(path) else "is absent"
        listing.finding = Finding(Reason.MISSING_FOLDER, None, f"{folder} {what}")
    except OSError as error:
        listing.finding = Finding(Reason.UNREADABLE_FOLDER, None, f"{folder}: {error.strerror}")
    return listing


def _look(number: int, entry: os.DirEntry[str]) -> Entry:
    try:
        status = entry.stat()
    except FileNotFoundError:
        return Entry(number, entry.name, 0, 0, "is a link to nothing")
    except OSError as error:
        return Entry(number, entry.name, 0, 0, f"can't be read: {error.strerror}")
    if stat.S_ISREG(status.st_mode):
        return Entry(number, entry.name, status.st_size, status.st_mtime_ns, "")
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "neither a file nor a folder"
    return Entry(number, entry.name, 0, 0, f"is {kind}")


def stamp(listings: dict[str, Listing]) -> str:
    """A digest of names, sizes and times of the frames: while it stays the same, no frame has to be read again.

    Empty, which no stamp is equal to, where a folder could not be listed, or a frame was changed so shortly ago that a
    further change could bear the same time.
    """
    if any(listing.finding for listing in listings.values()):
        return ""
    every = [(sorted(listing.frames.values()), sorted(listing.numbers)) for listing in listings.values()]
    newest = max((entry.changed for frames, _ in every for entry in frames), default=0)
    if newest > time.time_ns() - SETTLED:
        return ""
    return hashlib.sha256(repr(every).encode()).hexdigest()
