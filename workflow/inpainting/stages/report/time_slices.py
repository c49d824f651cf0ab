"""Time slices: one row of pixels over time. Flicker shows as horizontal stripes, steady content as smooth lines."""

import numpy as np
from numpy.typing import NDArray

from inpainting.stages.report.contact_sheet import Frame, captioned_sheet
from inpainting.video.masks import Hole

WIDTH, ACROSS = 440, 3
"""Width of a slice in pixels, and slices per row of the sheet."""


def busiest_row(hole: Hole) -> int:
    """The row of pixels that is in the hole most often; hole: bool [frames, height, width]."""
    return int(hole.sum(axis=(0, 2)).argmax())


def time_slice(frames: NDArray[np.uint8], row: int) -> Frame:
    """One row of all frames, first frame on top: uint8 [repeats * frames, width, 3], about half as high as wide.

    frames: uint8 [frames, height, width, 3].
    """
    repeats = max(round(frames.shape[2] / 2 / len(frames)), 1)
    return np.repeat(frames[:, row], repeats, axis=0)


def slices_sheet(clips: list[tuple[str, NDArray[np.uint8]]], hole: Hole) -> Frame:
    """A sheet of the clips' slices at the row that is in the hole most often.

    clips: captions and frames, uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    """
    row = busiest_row(hole)
    return captioned_sheet([(name, time_slice(frames, row)) for name, frames in clips], ACROSS, WIDTH)
