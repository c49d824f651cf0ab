"""Sequences as they are encoded: their frames read and, for a condition, their holes filled. Runs in workers."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill
from inpainting.stages.latents.settings import Content
from inpainting.video import masks, sequence
from inpainting.video.clip import Frames
from inpainting.video.difference import summed_difference
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings


class Wanted(NamedTuple):
    """A sequence's folder, how many of its frames are encoded, as what, and how its masks are read."""

    folder: Path
    frames: int
    content: Content
    masks: MaskSettings


class Sequence(NamedTuple):
    """A whole sequence as it is encoded.

    clip: the truth, or the input with its dilated hole filled, uint8 [frames, height, width, 3]; hole: undilated, bool
    [frames, height, width]; difference, of a truth: `difference` of the input and it.
    """

    clip: Frames
    hole: Hole
    difference: NDArray[np.uint8] | None = None


def read_sequence(wanted: Wanted) -> Sequence:
    """A sequence's frames; raises InputError naming the sequence where they can't be read."""
    rgb = sequence.read_rgb(wanted.folder, 0, wanted.frames)
    hole = masks.to_hole(sequence.read_mask(wanted.folder, 0, wanted.frames), wanted.masks)
    if wanted.content == "truth":
        truth = sequence.read_truth(wanted.folder, 0, wanted.frames)
        return Sequence(truth, hole, difference=difference(rgb, truth, hole))
    return Sequence(fill(rgb, masks.dilate(hole, wanted.masks.mask_dilation), wanted.content), hole)


def difference(rgb: Frames, truth: Frames, hole: Hole) -> NDArray[np.uint8]:
    """Grey levels by which input and truth differ, mean over the channels, rounded up; 0 in the hole.

    rgb, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], as what is returned.
    """
    levels = np.stack([(summed_difference(*pair) + 2) // 3 for pair in zip(rgb, truth, strict=True)])
    return np.where(hole, 0, levels).astype(np.uint8)
