"""Reproducible safetensors files, and checksums of tensors."""

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def checksum(tensor: "Tensor") -> int:
    """CRC-32 of the type, shape and bytes of a contiguous tensor."""
    import torch

    kind = zlib.crc32(f"{tensor.dtype} {list(tensor.shape)}".encode())
    return zlib.crc32(tensor.flatten().view(torch.uint8).numpy().data, kind)


def sort_metadata(path: Path) -> None:
    """Sort the metadata in a safetensors file's header by name, in place: the library writes it in random order.

    Format: 8 bytes with the header's length, the header as JSON, the tensors
    (https://huggingface.co/docs/safetensors/index#format).
    """
    with path.open("r+b") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        if "__metadata__" in header:
            header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        sorted_header = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
        assert len(sorted_header) == length
        stream.seek(8)
        stream.write(sorted_header)
