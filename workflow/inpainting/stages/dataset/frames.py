"""Reads one untrusted image file: returns its size and pixels, or raises FrameError with what is wrong."""

import hashlib
import io
import os
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inpainting.artifacts.reasons import Reason
from inpainting.stages.dataset import png
from inpainting.video import images

LARGEST_FILE = 2**28
"""Bytes. A larger file is not read."""

LARGEST_FRAME = 2**25
"""Pixels. A larger frame is not decoded: 8K frames are, decompression bombs are not."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
"""Accepted formats, whatever the file name says. All but PNG are always decoded, since they have no checksums."""

OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Flags for opening a frame; without O_NONBLOCK, opening a named pipe would wait forever."""


class FrameError(Exception):
    """Why a frame can't be used. `detail` is the same in every run: it contains no addresses and no paths."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Frame(NamedTuple):
    """A frame without a defect at the level that was checked."""

    size: tuple[int, int] | None
    """(width, height) in pixels from a PNG's header; None for other formats and for PNGs that may have an EXIF
    orientation, which must be decoded."""
    checksum: bytes
    """Identifies the content in the sequence's digest: a PNG's chunk checksums, else SHA-256; empty for `ends_only`."""
    data: memoryview
    """The file's bytes, valid until the next read; empty for `ends_only`."""


class FrameReader:
    """Reads files into one reused buffer and checks the chunks of PNGs."""

    def __init__(self) -> None:
        self._buffer = bytearray(2**20)

    def read(self, folder: int, name: str, length: int, ends_only: bool = False) -> Frame:
        """Read the file `name` of `length` bytes in the folder with the file descriptor `folder`.

        ends_only: read only the header and trailer of a PNG. Raises FrameError for a file that can't be used.
        """
        if length == 0:
            raise FrameError(Reason.UNREADABLE_FRAME, "is an empty file")
        if length > LARGEST_FILE:
            raise FrameError(Reason.UNREADABLE_FRAME, f"has {length} bytes, more than {LARGEST_FILE}")
        try:
            descriptor = os.open(name, OPEN_FLAGS, dir_fd=folder)
            try:
                if ends_only and (head := _header_of_complete_png(descriptor, length)):
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
        checksum, described = png.check_chunks(data)
    except ValueError as error:
        raise FrameError(Reason.UNREADABLE_FRAME, str(error)) from None
    return Frame(None if described else size, checksum, data)


def _header_of_complete_png(descriptor: int, length: int) -> bytes | None:
    """A PNG's first HEADER_LENGTH bytes; None if the file does not start and end like a PNG and must be read whole."""
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


Convert = Callable[[Image.Image], NDArray[np.uint8]]
"""`images.to_picture` or `images.to_mask`."""


class Decoded(NamedTuple):
    """A decoded image."""

    size: tuple[int, int]
    """(width, height) in pixels, upright."""
    pixels: NDArray[np.uint8] | None
    """What `convert` made of it; None without one."""
    orientation: int
    """Its EXIF orientation, 1 to 8: 1 is upright."""
    coloured: bool
    """Whether it was converted and has colours or transparency."""


def decode(data: memoryview | bytes, convert: Convert | None) -> Decoded:
    """Decode a whole image. Raises FrameError for any error of Pillow, which raises many kinds for damaged files."""
    try:
        return _decode(data, convert)
    except FrameError:
        raise
    except images.DepthError as error:
        raise FrameError(Reason.WRONG_DEPTH, str(error)) from None
    except images.MaskError as error:
        raise FrameError(Reason.UNCLEAR_MASK, str(error)) from None
    except UnidentifiedImageError:
        raise FrameError(Reason.UNREADABLE_FRAME, "is no image that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares more than {LARGEST_FRAME} pixels") from None
    except Exception as error:
        raise FrameError(Reason.UNREADABLE_FRAME, f"is damaged: {error or type(error).__name__}") from None


def _decode(data: memoryview | bytes, convert: Convert | None) -> Decoded:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > LARGEST_FRAME:
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares {width}x{height} pixels, more than {LARGEST_FRAME}")
    orientation, upright = images.orientation(image), images.upright(image)
    image.load()
    last_row = image.crop((0, height - 1, width, height))
    if image.format == "PNG" and last_row.getbbox(alpha_only=False) is None and not png.holds_all_rows(data):
        raise FrameError(Reason.UNREADABLE_FRAME, f"holds fewer pixels than the {width}x{height} that it declares")
    if convert is None:
        return Decoded(upright.size, None, orientation, False)
    pixels = convert(upright)
    return Decoded(upright.size, pixels, orientation, convert is images.to_mask and images.is_coloured(upright, pixels))
