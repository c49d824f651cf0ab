"""The container of PNG files: chunks, each with a checksum that costs a hundredth of decoding the pixels."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def check_chunks(data: bytes) -> None:
    """Raise ValueError unless `data` is a whole PNG file in which every chunk up to IEND fits its checksum."""
    if not data.startswith(SIGNATURE):
        raise ValueError("is not a PNG image")
    view = memoryview(data)
    place, kind = len(SIGNATURE), ""
    while kind != "IEND":
        if place + 12 > len(data):
            raise ValueError("ends before its IEND chunk")
        (length,) = struct.unpack_from(">I", data, place)
        kind = data[place + 4 : place + 8].decode("ascii", "backslashreplace")
        if place + 12 + length > len(data):
            raise ValueError(f"is truncated in its {kind} chunk")
        (checksum,) = struct.unpack_from(">I", data, place + 8 + length)
        if zlib.crc32(view[place + 4 : place + 8 + length]) != checksum:
            raise ValueError(f"is damaged: its {kind} chunk does not fit its checksum")
        place += 12 + length
