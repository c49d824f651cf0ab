"""What was learnt of sequences, remembered, so that one is read again only when it changed.

A ledger is a folder of parts, files of JSON lines that are complete or absent: a killed audit loses what it learnt
since the last one.
"""

import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from inpainting.artifacts.record import Content, Soundness, from_values, to_values
from inpainting.core.files import write_text
from inpainting.stages.dataset.inspection import Inspected

log = logging.getLogger(__name__)

PAUSE = 20.0
"""Seconds of work between two parts."""


class Ledger:
    """The ledger in one folder; what another one knows, of the same sequences or more, is taken over."""

    def __init__(self, folder: Path, other: Path | None = None) -> None:
        self.folder = folder
        self.known: dict[str, Inspected] = {}
        self._new: list[Inspected] = []
        self._parts = _parts_of(folder)
        self._saved = time.monotonic()
        for part in [*(_parts_of(other) if other else ()), *self._parts]:
            self._read(part)

    def _read(self, part: Path) -> None:
        """Take up a part; one that can't be read costs reading its sequences again, and nothing else."""
        try:
            for line in part.read_text(encoding="utf-8").splitlines():
                entry = _from_line(line)
                self.known[entry.id] = entry
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is damaged (%s); what it remembered is read again", part, error)

    def add(self, entry: Inspected) -> None:
        """Remember what was learnt; it is on disk PAUSE seconds later at the latest."""
        self.known[entry.id] = entry
        self._new.append(entry)
        if time.monotonic() - self._saved > PAUSE:
            self._save(self._new)

    def finish(self, ids: Iterable[str]) -> None:
        """Keep what is known of these sequences, in one part."""
        kept = set(ids)
        if self._new or len(self._parts) > 1 or kept != set(self.known):
            old = self._parts
            self._save([self.known[name] for name in sorted(kept)])
            for part in old:
                part.unlink(missing_ok=True)

    def _save(self, entries: list[Inspected]) -> None:
        path = self.folder / f"{max(map(_number, self._parts), default=0) + 1}.jsonl"
        write_text(path, "".join(map(_to_line, entries)))
        self._parts = [*self._parts, path]
        self._new = []
        self._saved = time.monotonic()


def _parts_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"), key=_number)


def _number(part: Path) -> int:
    return int(part.stem) if part.stem.isdigit() else 0


def _to_line(entry: Inspected) -> str:
    values = entry._asdict() | {"sound": to_values(entry.sound), "content": to_values(entry.content)}
    return json.dumps(values) + "\n"


def _from_line(line: str) -> Inspected:
    values = json.loads(line)
    values["sound"] = from_values(Soundness, values["sound"])
    values["content"] = from_values(Content, values["content"])
    return Inspected(**values)
