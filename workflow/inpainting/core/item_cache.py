"""What was made of single items, such as sequences, kept so that each is made again only when what shapes it changes.

A cache is a folder with a folder per item, which appears complete: the item's files, and `key`, with a digest of all
that shapes them and one of the files themselves. An item of another key, or damaged, is made again in its place.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inpainting.core.files import atomic_path, file_digest, value_digest

KEY_FILE = "key"


@dataclass(frozen=True)
class ItemCache:
    """The items of one folder, as they are wanted: their keys by name."""

    folder: Path
    keys: Mapping[str, str]

    def missing(self) -> list[str]:
        """The names of the items that are still to be made, in the order of the keys; what is there is read whole."""
        return [name for name, key in self.keys.items() if not _holds(self.path(name), key)]

    def path(self, name: str) -> Path:
        """The folder of an item."""
        return self.folder / name

    @contextmanager
    def adding(self, name: str) -> Iterator[Path]:
        """Yield a folder for an item's files; the item is there once the context has ended without an exception."""
        with atomic_path(self.path(name)) as temporary:
            temporary.mkdir()
            yield temporary
            (temporary / KEY_FILE).write_text(f"{self.keys[name]} {_content(temporary)}", encoding="ascii")

    def remove_others(self) -> None:
        """Remove the items that are not wanted."""
        for path in self.folder.glob("[!.]*"):
            if path.name not in self.keys:
                shutil.rmtree(path)


def _holds(item: Path, key: str) -> bool:
    """Whether an item is there, of this key and undamaged."""
    told = item / KEY_FILE
    return told.is_file() and told.read_bytes() == f"{key} {_content(item)}".encode("ascii")


def _content(item: Path) -> str:
    """A digest of an item's files."""
    files = {path.relative_to(item).as_posix(): path for path in item.rglob("*") if path.is_file()}
    return value_digest({name: file_digest(path) for name, path in files.items() if name != KEY_FILE})
