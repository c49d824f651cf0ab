"""Checks the chunks of PNG files by their checksums, which takes a hundredth of the time of decoding the pixels.

Source: PNG Specification (Third Edition), W3C, sections 5 and 11.2.
"""

import struct
import zlib
from functools import lru_cache

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_LENGTH = 33
"""Bytes of the signature and the IHDR chunk, which comes first in every PNG."""
TRAILER = b"\0\0\0\0IEND\xaeB`\x82"
"""The IEND chunk: the last bytes of every PNG."""

DESCRIPTIONS = (b"Raw profile type ", b"XML:com.adobe.xmp")
"""Beginnings of text chunks that may hold EXIF data, and with them an orientation, besides the eXIf chunk."""

DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""Bits per channel that each colour type allows."""
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels of each colour type."""


@lru_cache(maxsize=64)
def read_header(head: bytes) -> tuple[int, int]:
    """(width, height) from the first HEADER_LENGTH bytes of a PNG; raises ValueError for an invalid header."""
    if len(head) < HEADER_LENGTH:
        raise ValueError("is truncated in its IHDR chunk")
    length, kind = struct.unpack_from(">I4s", head, 8)
    if (length, kind) != (13, b"IHDR"):
        raise ValueError("is damaged: its first chunk is no IHDR")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", head, 16)
    if zlib.crc32(head[12:29]) != int.from_bytes(head[29:33]):
        raise ValueError("is damaged: its IHDR chunk does not fit its checksum")
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise ValueError(f"declares {width}x{height} pixels")
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise ValueError("is damaged: its IHDR chunk declares what no PNG can hold")
    return width, height


def check_chunks(data: memoryview | bytes) -> tuple[bytes, bool]:
    """The checksums of all chunks up to IEND, 4 bytes each, and whether a chunk may hold an EXIF orientation.

    PNGs with different pixels differ in the checksums or in length. Raises ValueError if a chunk is truncated or
    does not match its checksum, or there is no IDAT chunk.
    """
    view = memoryview(data)
    size, offset, kind, pixels = len(view), len(SIGNATURE), b"", False
    checksums, described = bytearray(), False
    while kind != b"IEND":
        if offset + 12 > size:
            raise ValueError("ends before its IEND chunk")
        end = offset + 8 + int.from_bytes(view[offset : offset + 4])
        kind = bytes(view[offset + 4 : offset + 8])
        if end + 4 > size:
            raise ValueError(f"is truncated in its {kind.decode('ascii', 'backslashreplace')} chunk")
        checksum = view[end : end + 4]
        if zlib.crc32(view[offset + 4 : end]) != int.from_bytes(checksum):
            name = kind.decode("ascii", "backslashreplace")
            raise ValueError(f"is damaged: its {name} chunk does not fit its checksum")
        checksums += checksum
        pixels = pixels or kind == b"IDAT"
        described = described or kind == b"eXIf" or bytes(view[offset + 8 : offset + 25]).startswith(DESCRIPTIONS)
        offset = end + 4
    if not pixels:
        raise ValueError("is damaged: it holds no IDAT chunk")
    return bytes(checksums), described


def holds_all_rows(data: memoryview | bytes) -> bool:
    """Whether the pixel data of a PNG with valid chunks inflate to as many bytes as its header declares.

    Decoders silently fill missing rows with zeros. Interlaced images are not checked and count as complete.
    """
    view = memoryview(data)
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", view, 16)
    if interlace:
        return True
    bits = width * depth * CHANNELS[colour]
    left = height * (1 + (bits + 7) // 8)
    inflate, offset = zlib.decompressobj(), len(SIGNATURE)
    while left > 0 and offset < len(view):
        end = offset + 8 + int.from_bytes(view[offset : offset + 4])
        if view[offset + 4 : offset + 8] == b"IDAT":
            left -= len(inflate.decompress(view[offset + 8 : end], left))
        offset = end + 4
    return left == 0
