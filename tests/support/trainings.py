"""What tests read from the folder of a training."""

import json
from pathlib import Path
from typing import Any


def metrics_rows(out: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl."""
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def checkpoint_files(out: Path) -> dict[str, bytes]:
    """The content of every file below checkpoints/, by relative path."""
    folder = out / "checkpoints"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
