"""The inspection cache: results of earlier audits, so that only new and changed sequences are read again.

A cache is a folder of numbered files of JSON lines. Each file is written atomically, so a killed audit loses only the
sequences it inspected since the last file.
"""

import json
import logging
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

from inpainting.artifacts.record import Content, Soundness, from_values, to_values
from inpainting.core.files import write_text
from inpainting.stages.dataset.inspection import InspectedSequence

log = logging.getLogger(__name__)

SAVE_INTERVAL = 20.0
"""Seconds between two writes to disk."""


class InspectionCache:
    """The cache in one folder, by sequence id.

    The entries of another cache folder, for instance that of an audit of all shards, are read first.
    """

    def __init__(self, folder: Path, other: Path | None = None) -> None:
        self.folder = folder
        self.known: dict[str, InspectedSequence] = {}
        self._new: list[InspectedSequence] = []
        self._parts = _parts_of(folder)
        self._saved = time.monotonic()
        for part in [*(_parts_of(other) if other else ()), *self._parts]:
            self._read(part)

    def _read(self, part: Path) -> None:
        """Read one file of entries; the sequences of a damaged file are inspected again."""
        try:
            for line in part.read_text(encoding="utf-8").splitlines():
                entry = _from_line(line)
                self.known[entry.id] = entry
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is damaged (%s); its sequences are inspected again", part, error)

    def add(self, entry: InspectedSequence) -> None:
        """Add an entry; it is written with the next one that comes SAVE_INTERVAL seconds after the last write."""
        self.known[entry.id] = entry
        self._new.append(entry)
        if time.monotonic() - self._saved > SAVE_INTERVAL:
            self._save(self._new)

    def finish(self, ids: Iterable[str]) -> None:
        """Write the entries of these sequences as one file and delete all others."""
        kept = set(ids)
        if self._new or len(self._parts) > 1 or kept != set(self.known):
            old = self._parts
            self._save([self.known[name] for name in sorted(kept)])
            for part in old:
                part.unlink(missing_ok=True)

    def _save(self, entries: list[InspectedSequence]) -> None:
        path = self.folder / f"{max(map(_number, self._parts), default=0) + 1}.jsonl"
        write_text(path, "".join(map(_to_line, entries)))
        self._parts = [*self._parts, path]
        self._new = []
        self._saved = time.monotonic()


def _parts_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"), key=_number)


def _number(part: Path) -> int:
    return int(part.stem) if part.stem.isdigit() else 0


def _to_line(entry: InspectedSequence) -> str:
    values = entry._asdict() | {"sound": to_values(entry.sound), "content": to_values(entry.content)}
    text = json.dumps(values)
    return f"{_checksum(text)} {text}\n"


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _from_line(line: str) -> InspectedSequence:
    """The entry of a line; earlier versions wrote lines without a checksum. Raises ValueError for a damaged line."""
    checksum, _, text = ("", "", line) if line.startswith("{") else line.partition(" ")
    if checksum and checksum != _checksum(text):
        raise ValueError("the checksum of a line does not match")
    values = json.loads(text)
    values["sound"] = from_values(Soundness, values["sound"])
    values["content"] = from_values(Content, values["content"])
    return InspectedSequence(**values)
