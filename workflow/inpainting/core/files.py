"""Atomic writing of files and folders, JSON and tables, and SHA-256 digests."""

import contextlib
import errno
import hashlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainting.core.errors import InputError, Unfinished, UsageError

if TYPE_CHECKING:
    import pandas as pd

SPACE_LEFT = 2**20
"""Bytes; a disk with less space than this is taken to be full when a writer fails."""

UMASK = os.umask(0)
"""The process's umask; it can only be read by setting it, so this is done once, before there are threads."""
os.umask(UMASK)


@contextlib.contextmanager
def atomic_path(path: Path | str, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; the file or folder made there replaces `path` on success.

    On an exception the temporary is removed and `path` is left unchanged. If nothing more can be written, OSError is
    raised, whatever the writer raised. The temporary has the same suffix as `path`, since many writers choose their
    format by it. durable: after a power loss, too, `path` is the old or the new one; that takes milliseconds per file,
    too much for folders of frames.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=path.parent))
    temporary = folder / path.name
    try:
        yield temporary
        _apply_umask(temporary)
        if durable:
            for made in [temporary, *temporary.rglob("*")]:
                if not made.is_symlink():
                    _write_to_disk(made)
        if temporary.is_dir() and path.is_dir():
            path.replace(folder / "replaced")
        temporary.replace(path)
        if durable:
            _write_to_disk(path.parent)
    except (OSError, InputError, UsageError, Unfinished):
        raise
    except Exception:
        _raise_if_full(folder)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_to_disk(path: Path) -> None:
    """Let the kernel write a file's content, or a folder's list of names, to the disk before this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that can't, for this kind of file
            raise
    finally:
        os.close(descriptor)


def _raise_if_full(folder: Path) -> None:
    """Raise OSError if nothing more can be written to a folder; torch and safetensors raise other errors for that."""
    (folder / ".space").write_bytes(bytes(SPACE_LEFT))


def _apply_umask(path: Path) -> None:
    """Give new files the permissions of the user's umask; safetensors makes them readable by the owner only."""
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        if file.is_file() and not file.is_symlink():
            file.chmod(0o666 & ~UMASK)


def unused(path: Path) -> Path:
    """The path itself, or with -2, -3 and so on at its end, so that nothing is there yet."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(place for place in itertools.chain([path], numbered) if not place.exists())


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON atomically, indented, with keys in the given order; raises ValueError for NaN and infinity."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_table(path: Path | str, table: "pd.DataFrame") -> None:
    """Write a table atomically as .parquet (with page checksums) or .tsv, by the path's suffix, without its index.

    Raises ValueError for another suffix.
    """
    path = Path(path)
    if path.suffix not in {".parquet", ".tsv"}:
        raise ValueError(f"{path}: tables are written as .parquet or .tsv")
    with atomic_path(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False, write_page_checksum=True)
        else:
            table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def read_table(path: Path | str) -> "pd.DataFrame":
    """Read a .parquet (checking page checksums) or .tsv table; of the latter, id, sequence and group are text."""
    import pandas as pd

    path = Path(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path, page_checksum_verification=True)
    return pd.read_csv(
        path, sep="\t", dtype={"id": str, "sequence": str, "group": str}, keep_default_na=False, na_values=[""]
    )


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digest(folder: Path | str, names: Collection[str] | None = None) -> str:
    """SHA-256 over relative names and contents of the files below a folder, of all or of those in `names`, in hex."""
    folder = Path(folder)
    digest = hashlib.sha256()
    files = folder.rglob("*") if names is None else (folder / name for name in names)
    for path in sorted(path for path in files if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def value_digest(value: Any) -> str:
    """SHA-256 of a JSON-serialisable value with sorted keys, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
