"""Tiny sequences in the dataset's layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from inpainting.video.sequence import write_sequence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty dataset."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    return folder


@pytest.fixture
def make_sequence(root: Path) -> Callable[..., Path]:
    """Writes a sound sequence of 3 frames of 24x16 below `root`; its content depends on the name alone."""

    def make(name: str, frames: int = 3, width: int = 24, height: int = 16) -> Path:
        rng = np.random.default_rng(list(name.encode()))
        truth = rng.integers(0, 240, (frames, height, width, 3), dtype=np.uint8)
        mask = np.zeros((frames, height, width), np.uint8)
        mask[:, 4:8, 4:12] = 255
        rgb = np.where(mask[..., None] > 0, truth + 8, truth).astype(np.uint8)
        write_sequence(root / name, rgb, mask, truth)
        return root / name

    return make
