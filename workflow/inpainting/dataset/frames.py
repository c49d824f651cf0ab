"""Reading one frame of unknown provenance: its bytes and pixels, or what is wrong with it."""

import io
import stat
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inpainting.dataset.png import check_chunks
from inpainting.dataset.reasons import Reason

LARGEST_FILE = 2**28
"""Bytes beyond which a frame is not read."""

LARGEST_FRAME = 2**25
"""Pixels beyond which a frame is not decoded: an 8K frame still is, a decompression bomb is not."""


class FrameError(Exception):
    """A frame can't be used: the reason, and a detail that is the same in every run (no addresses, no paths)."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file, links followed. Raises FrameError for anything else and for what can't be read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "neither a file nor a folder"
            raise FrameError(Reason.UNREADABLE_FRAME, f"is {kind}")
        if status.st_size > LARGEST_FILE:
            raise FrameError(Reason.UNREADABLE_FRAME, f"has {status.st_size} bytes, more than {LARGEST_FILE}")
        return path.read_bytes()
    except FileNotFoundError:
        raise FrameError(Reason.UNREADABLE_FRAME, "is a link to nothing") from None
    except OSError as error:
        raise FrameError(Reason.UNREADABLE_FRAME, f"can't be read: {error.strerror}") from None


def decode(data: bytes, mode: str) -> NDArray[np.uint8]:
    """All pixels of a PNG, checksums verified: uint8 [height, width, 3] for mode "RGB", [height, width] for "L".

    Raises FrameError for whatever Pillow raises: damaged files make it raise errors of many kinds.
    """
    if not data:
        raise FrameError(Reason.UNREADABLE_FRAME, "is an empty file")
    try:
        check_chunks(data)
    except ValueError as error:
        raise FrameError(Reason.UNREADABLE_FRAME, str(error)) from None
    try:
        return _decode(data, mode)
    except FrameError:
        raise
    except UnidentifiedImageError:
        raise FrameError(Reason.UNREADABLE_FRAME, "is damaged: Pillow can't identify it") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares more than {LARGEST_FRAME} pixels") from None
    except Exception as error:
        raise FrameError(Reason.UNREADABLE_FRAME, f"is damaged: {error or type(error).__name__}") from None


def _decode(data: bytes, mode: str) -> NDArray[np.uint8]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=["PNG"])
    width, height = image.size
    if width * height > LARGEST_FRAME:
        raise FrameError(Reason.UNREADABLE_FRAME, f"declares {width}x{height} pixels, more than {LARGEST_FRAME}")
    if image.mode.startswith(("I", "F")):
        raise FrameError(Reason.WRONG_DEPTH, f"has pixels of mode {image.mode}; 8 bits per channel are needed")
    return np.asarray(image.convert(mode))
