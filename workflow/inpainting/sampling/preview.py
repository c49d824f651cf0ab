"""A first look: the window with the largest hole, inpainted by itself."""

import logging
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inpainting.core.files import atomic_path
from inpainting.core.progress import Progress
from inpainting.sampling.region import Region
from inpainting.sampling.run_model import RunModel
from inpainting.sampling.source import Source
from inpainting.sampling.window_schedule import WindowSchedule
from inpainting.video import masks

log = logging.getLogger(__name__)

SHOWN = 3
"""Frames of the window that are shown: its first, its middle and its last."""

RED = np.array([255, 40, 40], np.uint8)
"""The colour of the hole's outline."""


def draw_preview(model: RunModel, source: Source, region: Region, schedule: WindowSchedule, path: Path) -> None:
    """Write a PNG: above, frames of the input's region with the hole outlined; below, what becomes of them."""
    areas = [sum(source.hole_pixels[start : start + schedule.length]) for start in schedule.starts]
    start = schedule.starts[int(np.argmax(areas))]
    span = slice(start, min(start + schedule.length, source.frames))
    rgb = np.stack([region.cut(frame) for frame in islice(source.reel, span.start, span.stop)])
    hole = np.stack([region.cut(hole) for hole in islice(source.holes(), span.start, span.stop)])
    log.info("preview: frames %d to %d", span.start + 1, span.stop)
    progress = Progress("preview", "steps, encoding and decoding among them,", (model.settings.steps or 0) + 2)
    below = model.inpaint(rgb, hole, "uint8", not model.settings.raw, progress.step)
    outlined = _outlined(rgb, masks.dilate(hole, model.settings.mask_dilation))
    shown = np.linspace(0, len(rgb) - 1, SHOWN).round().astype(int)
    rows = [np.concatenate(list(clip[shown]), axis=1) for clip in (outlined, below)]
    with atomic_path(path) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary)
    log.info("preview: %s", path)


def _outlined(rgb: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = np.stack([cv2.erode(frame.astype(np.uint8), cross) for frame in hole]).astype(bool)
    return np.where((hole & ~inner)[..., None], RED, rgb)
