"""What was made of single items, such as sequences, kept so that each is made again only when what shapes it changes.

A cache is a folder with a folder per item, which appears complete: the item's files, and `key`, a digest of all that
shapes them. An item of another key is made again in its place.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inpainting.core.files import atomic_path

KEY_FILE = "key"


@dataclass(frozen=True)
class ItemCache:
    """The items of one folder, as they are wanted: their keys by name."""

    folder: Path
    keys: Mapping[str, str]

    def missing(self) -> list[str]:
        """The names of the items that are still to be made, in the order of the keys."""
        return [name for name, key in self.keys.items() if self._key_of(name) != key]

    def path(self, name: str) -> Path:
        """The folder of an item."""
        return self.folder / name

    @contextmanager
    def adding(self, name: str) -> Iterator[Path]:
        """Yield a folder for an item's files; the item is there once the context has ended without an exception."""
        with atomic_path(self.path(name)) as temporary:
            temporary.mkdir()
            yield temporary
            (temporary / KEY_FILE).write_text(self.keys[name], encoding="ascii")

    def remove_others(self) -> None:
        """Remove the items that are not wanted."""
        for path in self.folder.glob("[!.]*"):
            if path.name not in self.keys:
                shutil.rmtree(path)

    def _key_of(self, name: str) -> str | None:
        path = self.path(name) / KEY_FILE
        return path.read_text(encoding="ascii") if path.is_file() else None
