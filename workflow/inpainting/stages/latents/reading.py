"""Reading sequences for encoding, up to the pixels that go through the VAE. Runs in worker processes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.fills import fill, is_frame_by_frame
from inpainting.conditioning.padding import Padding
from inpainting.core.errors import InputError
from inpainting.models.family import Geometry
from inpainting.stages.latents.settings import Content
from inpainting.video import masks, sequence
from inpainting.video.clip import Frames
from inpainting.video.difference import summed_difference
from inpainting.video.masks import Hole
from inpainting.video.sequence import FOLDERS, Folders
from inpainting.video.settings import MaskSettings


class ReadJob(NamedTuple):
    """A sequence to read: its folder and number of frames, what to encode of it, and how masks are converted.

    starts, window: first frames and length of the windows; geometry: of the model, whose grid frames are padded to.
    """

    folder: Path
    frames: int
    contents: tuple[Content, ...]
    starts: list[int]
    window: int
    masks: MaskSettings
    geometry: Geometry
    folders: Folders = FOLDERS


class PixelWindow(NamedTuple):
    """A window before encoding, padded to the latent grid: its sequence, first frame, and what is encoded or stored.

    clips: by content the truth, or the input with its dilated hole filled, uint8 [frames, height, width, 3]; dilated:
    that hole, united and dilated, bool [frames, height, width]; stored: the hole and the difference as a shard of
    truths holds them.
    """

    sequence: str
    start: int
    clips: dict[Content, Frames]
    dilated: Hole
    stored: dict[str, NDArray[np.uint8]]


def read_or_reason(job: ReadJob) -> list[PixelWindow] | str:
    """What `read_windows` returns, or the message of its InputError, so that one sequence does not end the job."""
    try:
        return read_windows(job)
    except InputError as error:
        return str(error)


def read_windows(job: ReadJob) -> list[PixelWindow]:
    """Read a sequence once for all contents, and fill it.

    Raises InputError with its name if its frames can't be read or differ in size.
    """
    span = range(job.starts[0], job.starts[-1] + job.window)
    needed = needed_frames(job.contents, job.frames, span, job.masks.mask_union)
    rgb, mask = (_read(job, needed, read) for read in (sequence.read_rgb, sequence.read_mask))
    truth = _read(job, span, sequence.read_truth) if "truth" in job.contents else None
    if any(frames.shape[1:3] != rgb.shape[1:3] for frames in (mask, truth) if frames is not None):
        raise InputError(f"sequence {job.folder.name}: its three folders differ in frame size; audit the dataset again")
    united = masks.unite(masks.to_hole(mask, job.masks), job.masks.mask_union)
    sources = [content for content in job.contents if content != "truth"]
    dilated = masks.dilate(united, job.masks.mask_dilation) if sources else united
    inside = slice(span.start - needed.start, span.stop - needed.start)
    clips = {source: fill(rgb, dilated, source)[inside] for source in sources}
    hole, levels = united[inside], None
    if truth is not None:
        clips["truth"], levels = truth, difference(rgb[inside], truth, hole)
    return [_cut(job, start, clips, hole, levels) for start in job.starts]


def needed_frames(contents: Sequence[Content], frames: int, span: range, union: int) -> range:
    """The frames to read for windows within `span`; all `frames` if a content's fill uses other frames.

    union: frames before and after, whose masks are united with a frame's own.
    """
    if all(content == "truth" or is_frame_by_frame(content) for content in contents):
        return range(max(0, span.start - union), min(frames, span.stop + union))
    return range(frames)


def _cut(
    job: ReadJob, start: int, clips: dict[Content, Frames], hole: Hole, levels: NDArray[np.uint8] | None
) -> PixelWindow:
    """A window of what was read from `job.starts[0]` on. As in inference, it is padded before its hole is dilated."""
    height, width = hole.shape[1:]
    padding, geometry = Padding(height, width, job.geometry), job.geometry
    part = slice(start - job.starts[0], start - job.starts[0] + job.window)
    hole = padding.pad(hole[part])
    stored = {}
    if levels is not None:
        difference = masks.latent_max(padding.pad(levels[part]), geometry.spatial_factor, geometry.temporal_factor)
        stored = {"hole": masks.pack(hole), "difference": difference}
    padded = {content: padding.pad(clip[part]) for content, clip in clips.items()}
    return PixelWindow(job.folder.name, start, padded, masks.dilate(hole, job.masks.mask_dilation), stored)


def _read(job: ReadJob, span: range, read: Callable[[Path, int, int, Folders], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The frames that `read` returns; any error becomes an InputError: damaged files make Pillow raise many kinds."""
    try:
        return read(job.folder, span.start, len(span), job.folders)
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
        level[:] = cv2.convertScaleAbs(summed_difference(*frames), alpha=1 / 3, beta=1 / 3)  # nearest to (sum + 1) / 3
    levels[hole] = 0
    return levels
