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
from inpainting.sampling.inpainter import Inpainter
from inpainting.sampling.preparation import steps_of
from inpainting.sampling.region import Region
from inpainting.sampling.settings import RunCommand
from inpainting.sampling.source import Source
from inpainting.video import masks

log = logging.getLogger(__name__)

SHOWN = 3
"""Frames of the window that are shown: its first, its middle and its last."""

RED = np.array([255, 40, 40], np.uint8)
"""The colour of the hole's outline."""


def draw_preview(inpainter: Inpainter, source: Source, region: Region, settings: RunCommand, path: Path) -> None:
    """Write a PNG: above, frames of the input's region with the hole outlined; below, what becomes of them."""
    timeline = inpainter.timeline(source.frames)
    areas = [sum(source.hole_pixels[start : start + timeline.length]) for start in timeline.starts]
    start = timeline.starts[int(np.argmax(areas))]
    span = slice(start, min(start + timeline.length, source.frames))
    rgb = np.stack([region.cut(frame) for frame in islice(source.reel, span.start, span.stop)])
    hole = np.stack([region.cut(hole) for hole in islice(source.holes(), span.start, span.stop)])
    log.info("preview: frames %d to %d", span.start + 1, span.stop)
    steps = steps_of(settings)
    progress = Progress("preview", "steps", steps)
    made = inpainter.inpaint_hole(rgb, hole, steps, settings.seed, progress.step)
    dilated = masks.dilate(hole, inpainter.masks.mask_dilation)
    below = made if settings.raw else masks.composite(made, rgb, dilated)
    shown = np.linspace(0, len(rgb) - 1, SHOWN).round().astype(int)
    rows = [np.concatenate(list(clip[shown]), axis=1) for clip in (_outlined(rgb, dilated), below)]
    with atomic_path(path) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary)
    log.info("preview: %s", path)


def _outlined(rgb: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = np.stack([cv2.erode(frame.astype(np.uint8), cross) for frame in hole]).astype(bool)
    return np.where((hole & ~inner)[..., None], RED, rgb)
