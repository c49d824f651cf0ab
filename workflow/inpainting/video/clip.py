"""Frames of a sequence in memory: input, mask and truth together."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.video import sequence
from inpainting.video.sequence import FOLDERS, Folders

Frames = NDArray[np.uint8]
"""uint8 [frames, height, width, 3], RGB."""


@dataclass(frozen=True)
class SequenceClip:
    """The frames of a sequence that a method fills and is scored on.

    rgb, truth: uint8 [frames, height, width, 3]; mask: uint8 [frames, height, width], as stored, not thresholded.
    """

    sequence: str
    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.rgb.shape[2], self.rgb.shape[1]


def read_clip(dataset: Path, name: str, frames: int, folders: Folders = FOLDERS) -> SequenceClip:
    """Read the first `frames` frames of a sequence; raises InputError if one can't be read or sizes differ."""
    folder = dataset / name
    rgb, truth = (read(folder, 0, frames, folders) for read in (sequence.read_rgb, sequence.read_truth))
    mask = sequence.read_mask(folder, 0, frames, folders)
    if rgb.shape != truth.shape or rgb.shape[:3] != mask.shape:
        raise InputError(
            f"sequence {name}: input {rgb.shape}, truth {truth.shape} and mask {mask.shape} differ in size; "
            "audit the dataset again"
        )
    return SequenceClip(name, rgb, mask, truth)
