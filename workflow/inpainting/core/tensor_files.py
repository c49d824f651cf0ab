"""safetensors files in the same bytes every time."""

import json
from pathlib import Path


def sort_metadata(path: Path) -> None:
    """Rewrite a safetensors file's header, in place, with its metadata by name: the library's order is random.

    The format: 8 bytes with the header's length, the header as JSON, the tensors
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
