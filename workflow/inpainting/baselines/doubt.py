"""How far a fill may be trusted: by how much it is wrong around the hole, where what it should find is known."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.baseline import Clip
from inpainting.baselines.flow_propagation import complete
from inpainting.video.masks import Hole, dilate

Doubt = NDArray[np.uint8]
"""Grey levels by which a fill is thought to be wrong, mean over the channels: uint8 [frames, height, width], 0 outside
the hole."""

RING = 6
"""Pixels round the hole that a fill is tried on."""

MOST = 64
"""Grey levels that are doubt enough; nor is there more where nothing round the hole can be tried."""


def doubt(rgb: Clip, hole: Hole, filled_by: Callable[[Clip, Hole], Clip]) -> Doubt:
    """Fill a hole that is wider by a ring, and carry the errors in the ring on into the hole, frame by frame.

    rgb: uint8 [frames, height, width, 3], of which nothing in the hole is read; hole: bool [frames, height, width].
    """
    tried = dilate(hole, RING)
    ring = tried & ~hole
    errors = np.stack([cv2.absdiff(*pair).mean(axis=2) for pair in zip(filled_by(rgb, tried), rgb, strict=True)])
    found = np.zeros(hole.shape, np.uint8)
    for frame in np.flatnonzero(hole.any(axis=(1, 2))):
        carried = complete(errors[frame, :, :, None].astype(np.float32), ring[frame])[..., 0]
        levels = carried if ring[frame].any() else np.full_like(carried, MOST)
        found[frame] = np.where(hole[frame], np.rint(levels.clip(0, MOST)), 0)
    return found
