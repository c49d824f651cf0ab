"""Frames for tests of videos."""

import numpy as np
from numpy.typing import NDArray


def smooth(frames: int = 10, width: int = 40, height: int = 36) -> NDArray[np.uint8]:
    """Colours that change slowly, so that halving their resolution costs little."""
    time, row, column = np.mgrid[:frames, :height, :width]
    return np.stack([90 + 2 * column, 60 + 3 * row, 120 + 4 * time + 0 * row], axis=-1).astype(np.uint8)
