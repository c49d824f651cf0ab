"""The import state: which sequences of a clip are done, so that only missing and outdated ones are made.

OUT/.import/ has a file per clip with the digest of everything that its sequences depend on: settings, code version, and
names, sizes and times of its files. It is written before the first sequence and after each one.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inpainting.artifacts.import_table import IMPORT_VERSION, MADE
from inpainting.core.errors import InputError
from inpainting.core.files import read_json, value_digest, write_json
from inpainting.core.locks import try_lock
from inpainting.importing.pairing import ClipFiles
from inpainting.importing.settings import ImportCommand

STATE_FOLDER = ".import"

Row = dict[str, Any]
"""A row of import.tsv, and `highest`, the highest value of its masks."""


class ImportState:
    """State of one clip: ids of its sequences, and by id the rows of import.tsv of the finished ones."""

    def __init__(self, clip: ClipFiles, settings: ImportCommand) -> None:
        self.out = settings.out
        self.path = settings.out / STATE_FOLDER / f"{clip.name}.json"
        shaping = settings.shaping() | {"threshold": settings.threshold}
        files = [None if path is None else _identity(path) for path in (clip.video, clip.mask, clip.truth)]
        self.key = value_digest([clip.name, shaping, files, IMPORT_VERSION])
        found: dict[str, Any] = {"key": self.key, "sequences": [], "rows": {}}
        if self.path.exists():
            try:
                found = read_json(self.path)
            except ValueError as error:
                raise InputError(
                    f"{self.path} is damaged ({error}); remove it, and the sequences of its clip"
                ) from error
        self.same = found["key"] == self.key
        self.sequences: list[str] = found["sequences"]
        self.rows: dict[str, Row] = {}
        if self.same:
            self.rows = {name: row for name, row in found["rows"].items() if self._holds(name, row)}

    def _holds(self, name: str, row: Row) -> bool:
        return row["verdict"] != MADE or (self.out / name).is_dir()

    @property
    def complete(self) -> bool:
        """Whether all sequences of the clip are done."""
        return bool(self.sequences) and set(self.sequences) == set(self.rows)

    def stale(self) -> list[str]:
        """Existing sequences that were made from other files or with other settings."""
        return [name for name in self.sequences if name not in self.rows and (self.out / name).exists()]

    def begin(self, ids: list[str]) -> None:
        """Record the ids of the sequences, then remove outdated sequences.

        Raises InputError if a folder of one of these names was not made by an import of this clip.
        """
        strange = [name for name in ids if (self.out / name).exists() and name not in self.sequences]
        if strange:
            raise InputError(f"{self.out / strange[0]} exists and is not of this clip; remove or rename it")
        stale = self.stale()
        self.sequences = [*ids, *(name for name in stale if name not in ids)]
        self._write()
        for name in stale:
            shutil.rmtree(self.out / name, ignore_errors=True)
        self.sequences = ids
        self._write()

    def add(self, row: Row) -> None:
        """Record a finished sequence."""
        self.rows[row["id"]] = row
        self._write()

    def _write(self) -> None:
        write_json(self.path, {"key": self.key, "sequences": self.sequences, "rows": self.rows})


def _identity(path: Path) -> list[list[Any]]:
    """Names, sizes and times of a file, or of the files in a folder. Raises InputError if they can't be read."""
    try:
        files = sorted(entry for entry in path.iterdir() if entry.is_file()) if path.is_dir() else [path]
        return [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from error


@contextlib.contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Lock the output folder for this import, and remove incomplete files of a killed one.

    Raises InputError if another import is writing there.
    """
    (out / STATE_FOLDER).mkdir(parents=True, exist_ok=True)
    lock = try_lock(out / STATE_FOLDER / "lock", "start no second import into this folder")
    if lock is None:
        raise InputError(f"another import is writing to {out}; wait for it, or give another --out")
    with lock:
        for place in (out, out / STATE_FOLDER):
            for left in place.glob(".partial-*"):
                shutil.rmtree(left, ignore_errors=True)
        yield
