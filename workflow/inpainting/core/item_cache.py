"""A cache of results per item, such as a sequence; an item is computed again only when its key changes.

A cache is a folder with one folder per item, written atomically: the item's files, and `key`, which holds the item's
key (a digest of everything that affects the result) and a digest of the files. An item with another key, or a damaged
one, is computed again.
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
    """A cache folder, and the required items: their keys by name."""

    folder: Path
    keys: Mapping[str, str]

    def missing(self) -> list[str]:
        """Names of the items that have to be computed, in the order of `keys`; reads all files of the others."""
        return [name for name, key in self.keys.items() if not _holds(self.path(name), key)]

    def path(self, name: str) -> Path:
        """The folder of an item."""
        return self.folder / name

    @contextmanager
    def adding(self, name: str) -> Iterator[Path]:
        """Yield a folder for an item's files; the item is added when the context ends without an exception."""
        with atomic_path(self.path(name), durable=False) as temporary:
            temporary.mkdir()
            yield temporary
            (temporary / KEY_FILE).write_text(f"{self.keys[name]} {_content(temporary)}", encoding="ascii")

    def remove_others(self) -> None:
        """Remove items that are not among `keys`."""
        for path in self.folder.glob("[!.]*"):
            if path.name not in self.keys and path.is_dir():
                shutil.rmtree(path)


def _holds(item: Path, key: str) -> bool:
    """Whether an item exists, has this key and is undamaged."""
    stored = item / KEY_FILE
    return stored.is_file() and stored.read_bytes() == f"{key} {_content(item)}".encode("ascii")


def _content(item: Path) -> str:
    """A digest of an item's files."""
    files = {path.relative_to(item).as_posix(): path for path in item.rglob("*") if path.is_file()}
    return value_digest({name: file_digest(path) for name, path in files.items() if name != KEY_FILE})
