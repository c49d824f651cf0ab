"""Reading sequences for encoding: their frames and, for a condition, the filled hole. Runs in worker processes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill, is_frame_by_frame
from inpainting.core.errors import InputError
from inpainting.stages.latents.settings import Content
from inpainting.video import masks, sequence
from inpainting.video.clip import Frames
from inpainting.video.difference import summed_difference
from inpainting.video.masks import Hole
from inpainting.video.sequence import FOLDERS, Folders
from inpainting.video.settings import MaskSettings


class ReadJob(NamedTuple):
    """A sequence to read: its folder, the frames to read, the content, how masks are converted, and folders' names."""

    folder: Path
    span: range
    content: Content
    masks: MaskSettings
    folders: Folders = FOLDERS


class EncoderInput(NamedTuple):
    """The frames of a sequence before encoding, from frame `first` on.

    clip: the truth, or the input with its dilated hole filled, uint8 [frames, height, width, 3]; hole: not dilated,
    bool [frames, height, width]; difference: for a truth, see `difference`.
    """

    clip: Frames
    hole: Hole
    first: int = 0
    difference: NDArray[np.uint8] | None = None


def needed_frames(content: Content, frames: int, starts: Sequence[int], window: int) -> range:
    """The frames to read for the windows at `starts`; all `frames` if the content's fill uses other frames."""
    if content == "truth" or is_frame_by_frame(content):
        return range(starts[0], starts[-1] + window)
    return range(frames)


def read_or_reason(job: ReadJob) -> EncoderInput | str:
    """What `read_sequence` returns, or the message of its InputError, so that one sequence does not end the job."""
    try:
        return read_sequence(job)
    except InputError as error:
        return str(error)


def read_sequence(job: ReadJob) -> EncoderInput:
    """Read a sequence; raises InputError with its name if its frames can't be read or differ in size."""
    rgb, mask = _read(job, sequence.read_rgb), _read(job, sequence.read_mask)
    truth = _read(job, sequence.read_truth) if job.content == "truth" else None
    if any(frames.shape[:3] != rgb.shape[:3] for frames in (mask, truth) if frames is not None):
        raise InputError(f"sequence {job.folder.name}: its three folders differ in frame size; audit the dataset again")
    hole = masks.to_hole(mask, job.masks)
    if truth is not None:
        return EncoderInput(truth, hole, job.span.start, difference(rgb, truth, hole))
    return EncoderInput(fill(rgb, masks.dilate(hole, job.masks.mask_dilation), job.content), hole, job.span.start)


def _read(job: ReadJob, read: Callable[[Path, int, int, Folders], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The frames that `read` returns; any error becomes an InputError: damaged files make Pillow raise many kinds."""
    try:
        return read(job.folder, job.span.start, len(job.span), job.folders)
    except InputError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"sequence {job.folder.name}: its frames can't be read ({reason}); audit the dataset again"
        ) from error


def difference(rgb: Frames, truth: Frames, hole: Hole) -> NDArray[np.uint8]:
    """|rgb - truth| in grey levels, mean over the channels, rounded up; 0 in the hole.

    rgb, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    Returns uint8 [frames, height, width].
    """
    levels = np.empty(hole.shape, np.uint8)
    for level, *frames in zip(levels, rgb, truth, strict=True):
        level[:] = (summed_difference(*frames) + 2) // 3
    levels[hole] = 0
    return levels
