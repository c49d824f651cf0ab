"""The preview of `inpaint run`: the window with the largest hole, inpainted on its own."""

import logging
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inpainting.core.files import atomic_path
from inpainting.core.progress import Progress
from inpainting.sampling.masked_clip import MaskedClip
from inpainting.sampling.region import Region
from inpainting.sampling.run_model import RunModel
from inpainting.sampling.window_schedule import WindowSchedule
from inpainting.video import masks

log = logging.getLogger(__name__)

PREVIEW_FRAMES = 3
"""Frames of the window in the preview: the first, the middle and the last."""

OUTLINE_COLOUR = np.array([255, 40, 40], np.uint8)
"""The colour of the hole's outline."""


def draw_preview(model: RunModel, clip: MaskedClip, region: Region, schedule: WindowSchedule, path: Path) -> None:
    """Write a PNG of frames of the region: above the input with the hole outlined, below the same frames inpainted."""
    areas = [sum(clip.hole_pixels[start : start + schedule.length]) for start in schedule.starts]
    start = schedule.starts[int(np.argmax(areas))]
    span = slice(start, min(start + schedule.length, clip.frames))
    rgb = np.stack([region.cut(frame) for frame in islice(clip.reel, span.start, span.stop)])
    hole = np.stack([region.cut(hole) for hole in islice(clip.holes(), span.start, span.stop)])
    log.info("preview: frames %d to %d", span.start + 1, span.stop)
    progress = Progress("preview", "steps, with encoding and decoding,", (model.settings.steps or 0) + 2)
    inpainted = model.inpaint(rgb, hole, "uint8", not model.settings.raw, progress.step)
    outlined = _outlined(rgb, masks.dilate(hole, model.settings.mask_dilation))
    chosen = np.linspace(0, len(rgb) - 1, PREVIEW_FRAMES).round().astype(int)
    rows = [np.concatenate(list(frames[chosen]), axis=1) for frames in (outlined, inpainted)]
    with atomic_path(path) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary)
    log.info("preview: %s", path)


def _outlined(rgb: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = np.stack([cv2.erode(frame.astype(np.uint8), cross) for frame in hole]).astype(bool)
    return np.where((hole & ~inner)[..., None], OUTLINE_COLOUR, rgb)
