"""SHA256SUMS: digests of a folder's files, which the program `sha256sum` can verify, too (-c SHA256SUMS)."""

import re
from collections.abc import Iterable
from pathlib import Path

from inpainting.core.files import file_digest, write_text

SUMS_FILE = "SHA256SUMS"

LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write the digests of files in a folder, given by their relative names, after all of them are written."""
    write_text(folder / SUMS_FILE, "".join(f"{file_digest(folder / name)}  {name}\n" for name in sorted(names)))


def summed(folder: Path) -> set[str]:
    """Names of the files whose digests a folder holds; none if it has no SHA256SUMS, as those of earlier versions."""
    return set(_read(folder) or ())


def damage(folder: Path, names: Iterable[str]) -> str | None:
    """What is wrong with files of a folder, the first by name, as the start of a sentence; None if nothing is.

    A file is damaged if it is missing or its digest is another one than SHA256SUMS holds. If it is not named there,
    SHA256SUMS itself is damaged. Without SHA256SUMS, nothing is checked.
    """
    sums = _read(folder)
    if sums is None:
        return None
    for name in sorted(names):
        if name not in sums:
            return f"{folder / SUMS_FILE} is damaged: it has no digest of {name}"
        if not (folder / name).is_file():
            return f"{folder / name} is missing"
        if file_digest(folder / name) != sums[name]:
            return f"{folder / name} is damaged: its SHA-256 is not the one in {SUMS_FILE}"
    return None


def _read(folder: Path) -> dict[str, str] | None:
    """The digests by name, of the lines that are whole; None if there is no SHA256SUMS."""
    path = folder / SUMS_FILE
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return {match[2]: match[1] for line in lines if (match := LINE.fullmatch(line))}
