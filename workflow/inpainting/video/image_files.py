"""The images of a folder, in the order of the numbers in their names."""

import re
from functools import cache
from pathlib import Path

from PIL import Image

from inpainting.core.errors import InputError


def image_files(folder: Path, part: str = "") -> list[Path]:
    """The images of a folder, sorted by the numbers in their names: frame_2 before frame_10. Skips hidden files.

    part: the subfolder that might have held them instead. Raises InputError if there is none, or if two have the same
    numbers, such as 0001.png and 0001.jpg.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in image_suffixes() and not p.name.startswith(".")]
    if not found:
        neither = f"neither images nor a folder {part}" if part else "no images"
        raise InputError(f"{folder} holds {neither}; give a folder of frames, or a video")
    by_numbers: dict[tuple[int, ...], Path] = {}
    for path in sorted(found):
        numbers = frame_numbers(path)
        if numbers and numbers in by_numbers:
            raise InputError(
                f"{folder} holds two files for one frame, {by_numbers[numbers].name} and {path.name}; keep the frames "
                "alone in it"
            )
        by_numbers[numbers] = path
    return sorted(found, key=lambda path: _numbers_and_text(path.name))


def frame_numbers(path: Path) -> tuple[int, ...]:
    """The numbers in a file's name without its suffix; the last one counts frames in most people's folders."""
    return tuple(int(digits) for digits in re.findall(r"[0-9]+", path.stem))


def _numbers_and_text(name: str) -> list[tuple[int, str]]:
    """A sort key that compares numbers by value and the text between them by letters."""
    pieces = re.split(r"([0-9]+)", name)
    return [(int(piece), "") if index % 2 else (0, piece) for index, piece in enumerate(pieces)] + [(0, name)]


@cache
def image_suffixes() -> frozenset[str]:
    """Suffixes of the files that Pillow reads as one picture; .gif and .mpg are read as videos."""
    readable = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    return frozenset(readable - {".gif", ".mpg", ".mpeg"})
