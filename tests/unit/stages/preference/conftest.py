"""Methods to compare."""

from pathlib import Path

import numpy as np
import pytest
from inpainting.artifacts.examples import write_example
from inpainting.video import sequence


@pytest.fixture
def methods() -> tuple[str, ...]:
    """Names that occur nowhere else in a page."""
    return "lora-seed-1", "telea", "untouched"


@pytest.fixture
def evaluation(tiny_results: Path, methods: tuple[str, ...], tmp_path: Path) -> Path:
    """Examples of three methods for three sequences: each the truth in another brightness."""
    for darker, method in enumerate(methods):
        for number in range(3):
            name = f"{number:016x}"
            folder = tmp_path / "evaluation" / method / "examples" / name
            folder.mkdir(parents=True)
            truth = sequence.read_truth(tiny_results / "dataset" / name, 0, 9)
            frames = truth - np.minimum(truth, 20 * darker).astype(np.uint8)
            write_example(folder, {"raw": frames, "composited": frames})
    return tmp_path / "evaluation"
