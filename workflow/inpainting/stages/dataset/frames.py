"""Reading one frame of unknown provenance: its size and pixels, or what is wrong with it."""

import hashlib
import io
import os
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inpainting.artifacts.reasons import Reason
from inpainting.stages.dataset import png
from inpainting.video.sequence import to_pixels

LARGEST_FILE = 2**28
"""Bytes beyond which a frame is not read."""

LARGEST_FRAME = 2**25
"""Pixels beyond which a frame is not decoded: an 8K frame still is, a decompression bomb is not."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
"""What a frame may be, whatever its name says; all but PNG are always decoded, since they carry no checksums."""

FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""How frames are opened: a pipe that took a file's place keeps no one waiting."""


class FrameError(Exception):
    """A frame can't be used: the reason, and a detail that is the same in every run (no addresses, no paths)."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Frame(NamedTuple):
    """A frame whose file is sound, as far as was looked."""

    size: tuple[int, int] | None
    """(width, height) in pixels, as a PNG declares it; None for other formats, which have to be decoded."""
    mark: bytes
    """What stands for the file's content in a digest; empty where only its ends were read."""
    data: memoryview
    """The file's bytes, until the next one is read; empty where only its ends were read."""


class FrameReader:
    """Reads files and checks the container of those that are PNGs. All go through one buffer."""

    def __init__(self) -> None:
        self._buffer = bytearray(2**20)

    def read(self, folder: int, name: str, length: int, ends: bool = False) -> Frame:
        """The frame `name`, of `length` bytes, in the folder that is open as the descriptor `folder`.

        `ends`: read no more of a PNG than its header and trailer. Raises FrameError for what can't be used.
        """
        if length == 0:
            raise FrameError(Reason.UNREADABLE_FRAME, "is an empty file")
        if length > LARGEST_FILE:
            raise FrameError(Reason.UNREADABLE_FRAME, f"has {length} bytes, more than {LARGEST_FILE}")
        try:
            descriptor = os.open(name, FLAGS, dir_fd=folder)
            try:
                if ends and (head := _whole_ends(descriptor, length)):
                    return Frame(_declared_size(head), b"", memoryview(b""))
                data = self._fill(descriptor, length)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise FrameError(Reason.UNREADABLE_FRAME, f"can't be read: {error.strerror}") from None
        return _check(data)

    def _fill(self, descriptor: int, length: int) -> memoryview:
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        view, place = memoryview(self._buffer), 0
        while place < length and (count := os.readv(descriptor, [view[place:length]])):
            place += count
        return view[:place]


def _check(data: memoryview) -> Frame:
    if data[: len(png.SIGNATURE)] != png.SIGNATURE:
        return Frame(None, hashlib.sha256(data).digest(), data)
    size = _declared_size(bytes(data[: png.HEADER_LENGTH]))
    try:
        return Frame(size, png.check_chunks(data), data)
    except ValueError as error:
        raise FrameError(Reason.UNREADABLE_FRAME, str(error)) from None


def _whole_ends(descriptor: int, length: int) -> bytes | None:
    """A PNG's first bytes; None for a file that does not begin and end as a PNG does, which has to be read whole."""
    head = os.pread(descriptor, png.HEADER_LENGTH, 0)
    tail = os.pread(descriptor, len(png.TRAILER), max(0, length - len(png.TRAILER)))
    return head if head.startswith(png.SIGNATURE) and tail == png.TRAILER else None


def _declared_size(head: bytes) -> tuple[int, int]:
    try:
        width, height = png.read_header(head)
    except ValueError as error:
        raise FrameError(Reason.UNREADABLE_FRAME, str(error)) from None
    if width * height > LARGEST_FRAME:
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares {width}x{height} pixels, more than {LARGEST_FRAME}")
    return width, height


def decode(data: memoryview | bytes, mode: str | None) -> tuple[tuple[int, int], NDArray[np.uint8] | None]:
    """(width, height) and pixels of an image, every one of which is decoded.

    Pixels are uint8 [height, width, 3] for mode "RGB", [height, width] for "L", and not given for None.

    Raises FrameError for whatever Pillow raises: damaged files make it raise errors of many kinds.
    """
    try:
        return _decode(data, mode)
    except FrameError:
        raise
    except UnidentifiedImageError:
        raise FrameError(Reason.UNREADABLE_FRAME, "is no image that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares more than {LARGEST_FRAME} pixels") from None
    except Exception as error:
        raise FrameError(Reason.UNREADABLE_FRAME, f"is damaged: {error or type(error).__name__}") from None


def _decode(data: memoryview | bytes, mode: str | None) -> tuple[tuple[int, int], NDArray[np.uint8] | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > LARGEST_FRAME:
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares {width}x{height} pixels, more than {LARGEST_FRAME}")
    if image.mode in {"I", "F"}:
        raise FrameError(Reason.WRONG_DEPTH, f"has pixels of mode {image.mode}; 8 or 16 bits per channel are needed")
    image.load()
    last_row = image.crop((0, height - 1, width, height))
    if image.format == "PNG" and last_row.getbbox(alpha_only=False) is None and not png.holds_all_rows(data):
        raise FrameError(Reason.UNREADABLE_FRAME, f"holds fewer pixels than the {width}x{height} that it declares")
    return image.size, to_pixels(image, mode) if mode else None
