"""Temporal error and warping error: whether the inpainted region moves with the scene or flickers.

A static, blurred fill scores well here; compare these scores together with those of single frames.
"""

import itertools
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.examples import Output
from inpainting.metrics.metric import PERCEPTION_HEADING, Metric, Reference, TableColumn
from inpainting.metrics.pooling import over_pixels
from inpainting.metrics.psnr import PEAK
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

Flow = NDArray[np.float32]
"""float32 [height, width, 2]: displacement (x, y) in pixels of each pixel of a frame to the previous frame."""

MIN_SIDE = 16
"""Smallest side in pixels for which optical flow is computed."""

MOTION_COLUMNS = ("temporal_mask", "warp_mask_pixels", "warp_mask", "warp_frame_pixels", "warp_frame")
"""Columns of `score_motion`."""


@dataclass(frozen=True)
class Motion:
    """Optical flow of the truth from every frame but the first to the previous frame.

    flows: [frames - 1] of Flow; visible: bool [frames - 1, height, width], false where a pixel was occluded or outside
    the previous frame.
    """

    flows: list[Flow]
    visible: NDArray[np.bool_]


def motion_of(truth: Frames) -> Motion | None:
    """Optical flow of the truth, uint8 [frames, height, width, 3]; None if a side is shorter than MIN_SIDE.

    Flow: T. Kroeger et al.: Fast optical flow using dense inverse search, ECCV 2016. Occlusion by forward-backward
    consistency: N. Sundaram, T. Brox, K. Keutzer: Dense point trajectories by GPU-accelerated large displacement
    optical flow, ECCV 2010.
    """
    if min(truth.shape[1:3]) < MIN_SIDE:
        return None
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in truth]
    flows, visible = [], [np.zeros((0, *truth.shape[1:3]), np.bool_)]
    for before, after in itertools.pairwise(grey):
        back, forth = search.calc(after, before, None), search.calc(before, after, None)
        flows.append(back)
        visible.append(_consistent(back, forth)[None])
    return Motion(flows, np.concatenate(visible))


def score_motion(output: Frames, truth: Frames, hole: Hole, motion: Motion | None) -> pd.DataFrame:
    """Score each frame against the previous one: one row per frame with the columns MOTION_COLUMNS.

    output, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated.
    temporal_mask: mean over the hole of |(output[t] - output[t-1]) - (truth[t] - truth[t-1])|, 0..510 grey levels.
    warp_mask, warp_frame: mean of (output[t] - output[t-1] warped by the truth's flow)^2, 0..255^2 squared grey levels,
    over the visible pixels of the hole and of the frame (W.-S. Lai et al.: Learning blind video temporal consistency,
    ECCV 2018); warp_mask_pixels, warp_frame_pixels: the number of these pixels. The first frame has NaN scores, a frame
    without a hole NaN in its mask; without `motion` the warping errors are NaN.
    """
    empty: dict[str, float] = dict.fromkeys(MOTION_COLUMNS, float("nan"))
    empty |= {"warp_mask_pixels": 0, "warp_frame_pixels": 0}
    rows = [empty]
    for frame in range(1, len(output)):
        row = dict(empty)
        if hole[frame].any():
            change, true_change = (_change(clip, frame, hole[frame]) for clip in (output, truth))
            row["temporal_mask"] = float(np.abs(change - true_change).mean())
        if motion is not None:
            warped = _warped(output[frame - 1], motion.flows[frame - 1])
            squared = _squared(cv2.subtract(output[frame].astype(np.float32), warped)) / 3
            visible = motion.visible[frame - 1]
            for name, where in (("mask", visible & hole[frame]), ("frame", visible)):
                row[f"warp_{name}_pixels"] = int(np.count_nonzero(where))
                if where.any():
                    row[f"warp_{name}"] = float(squared[where].mean(dtype=np.float64))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(MOTION_COLUMNS))


def _change(clip: Frames, frame: int, where: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Difference to the previous frame at some pixels: int32 [pixels, 3]."""
    return clip[frame][where].astype(np.int32) - clip[frame - 1][where]


@lru_cache(maxsize=2)
def _grid(height: int, width: int) -> NDArray[np.float32]:
    """Coordinates (x, y) of each pixel: float32 [height, width, 2]."""
    row, column = np.indices((height, width), dtype=np.float32)
    return np.stack([column, row], axis=-1)


def _warped(image: NDArray[np.uint8] | Flow, flow: Flow) -> NDArray[np.float32]:
    """Sample an image [height, width, channels] bilinearly at each pixel plus its flow: float32, same shape."""
    place = cv2.add(_grid(*flow.shape[:2]), flow)
    warped = cv2.remap(image.astype(np.float32), place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped)


def _squared(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of squares over the channels: float32 [height, width]."""
    return np.asarray(cv2.transform(cv2.multiply(vectors, vectors), np.ones((1, vectors.shape[2]), np.float32)))


def _consistent(back: Flow, forth: Flow) -> NDArray[np.bool_]:
    """Where following the flow back and forth returns to about the same pixel: bool [height, width].

    Sundaram et al. (2010): |back + forth|^2 <= 0.01 (|back|^2 + |forth|^2) + 0.5.
    """
    height, width = back.shape[:2]
    place = cv2.add(_grid(height, width), back)
    inside = cv2.inRange(place, (0, 0), (width - 1, height - 1))
    there = _warped(forth, back)
    gap, length = _squared(cv2.add(back, there)), _squared(back) + _squared(there)
    return np.asarray((inside > 0) & (gap <= 0.01 * length + 0.5))


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return score_motion(output, reference.truth, reference.regions.mask, reference.cached(motion_of))


def _warping(column: str, output: Output, where: str) -> TableColumn:
    """A column of warping errors, shown in thousandths of the squared peak as in publications."""
    unit = "10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT THREE}"
    return TableColumn(
        column, output, PERCEPTION_HEADING, f"Warping error {where}, {output}, {unit}", 2, "low", unit=PEAK**2 / 1000
    )


MOTION = Metric(
    name="motion",
    title="temporal and warping errors",
    columns=MOTION_COLUMNS,
    score=_score,
    pooled={
        "temporal_mask": over_pixels("temporal_mask", "mask_pixels"),
        "warp_mask": over_pixels("warp_mask", "warp_mask_pixels"),
        "warp_frame": over_pixels("warp_frame", "warp_frame_pixels"),
    },
    shown=(
        TableColumn("temporal_mask", "raw", PERCEPTION_HEADING, "Temporal error in mask, raw", 2, "low"),
        _warping("warp_mask", "raw", "in mask"),
        _warping("warp_frame", "composited", "of frame"),
    ),
    notes=(
        "Temporal error: how much the change from frame to frame differs from the truth's; warping error: difference "
        "between a frame and the previous one warped along the truth's optical flow, where both show the same; the "
        "truth's own is not zero. Static and blurred fills score well: compare them with the scores of frames.",
    ),
    extra="temporal error and warping error",
)
"""Whether the inpainted region moves as the scene does."""
