"""Sequences as they are encoded: their frames read and, for a condition, their holes filled. Runs in workers."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.classical import Clip
from inpainting.baselines.fills import fill
from inpainting.core.errors import InputError
from inpainting.stages.latents.settings import Content
from inpainting.video import masks, sequence
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

    clip: Clip
    hole: Hole
    difference: NDArray[np.uint8] | None = None


def read_sequence(wanted: Wanted) -> Sequence:
    """A sequence's frames; raises InputError naming the sequence where they can't be read."""
    try:
        rgb = sequence.read_rgb(wanted.folder, 0, wanted.frames)
        mask = sequence.read_mask(wanted.folder, 0, wanted.frames)
        truth = sequence.read_truth(wanted.folder, 0, wanted.frames) if wanted.content == "truth" else None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"sequence {wanted.folder.name}: its frames can't be read ({error}); audit the dataset again"
        ) from error
    hole = masks.to_hole(mask, wanted.masks)
    if wanted.content == "truth":
        assert truth is not None
        return Sequence(truth, hole, difference=difference(rgb, truth, hole))
    return Sequence(fill(rgb, masks.dilate(hole, wanted.masks.mask_dilation), wanted.content), hole)


def difference(rgb: Clip, truth: Clip, hole: Hole) -> NDArray[np.uint8]:
    """Grey levels by which input and truth differ, mean over the channels, rounded up; 0 in the hole.

    rgb, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], as what is returned.
    """
    levels = np.stack([(cv2.absdiff(one, other).sum(axis=2) + 2) // 3 for one, other in zip(rgb, truth, strict=True)])
    return np.where(hole, 0, levels).astype(np.uint8)
