"""Sequences as they are encoded: their frames read and, for a condition, their holes filled. Runs in workers."""

from pathlib import Path
from typing import NamedTuple

from inpainting.errors import InputError
from inpainting.filling.classical import Clip
from inpainting.filling.fills import fill
from inpainting.latents.settings import Content
from inpainting.video import masks, sequence
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings


class Wanted(NamedTuple):
    """A sequence's folder, how many of its frames are encoded, and as what."""

    folder: Path
    frames: int
    content: Content
    masks: MaskSettings


def read_sequence(wanted: Wanted) -> tuple[Clip, Hole]:
    """The truth, or the input with its dilated hole filled over the whole sequence; and the undilated hole.

    Returns uint8 [frames, height, width, 3] and bool [frames, height, width]; raises InputError naming the sequence
    where its frames can't be read.
    """
    try:
        read = sequence.read_truth if wanted.content == "truth" else sequence.read_rgb
        clip = read(wanted.folder, 0, wanted.frames)
        mask = sequence.read_mask(wanted.folder, 0, wanted.frames)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"sequence {wanted.folder.name}: its frames can't be read ({error}); audit the dataset again"
        ) from error
    hole = masks.to_hole(mask, wanted.masks)
    if wanted.content == "truth":
        return clip, hole
    return fill(clip, masks.dilate(hole, wanted.masks.mask_dilation), wanted.content), hole
