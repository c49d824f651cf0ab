"""Scores of how a clip moves: whether what was inpainted follows the scene, or flickers, swims and sticks.

A still, blurred hole can pass for calm; read these beside the scores of single frames, never alone.
"""

import itertools
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.examples import Output
from inpainting.metrics.metric import PERCEPTION, Metric, Reference, TableColumn
from inpainting.metrics.pooling import over_pixels
from inpainting.metrics.psnr import PEAK
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

Flow = NDArray[np.float32]
"""float32 [height, width, 2]: the way in pixels (x, y) from a pixel of a frame to where it was in the frame before."""

SMALLEST = 16
"""Sides in pixels below which no flow can be found."""

COLUMNS = ("temporal_mask", "warp_mask_pixels", "warp_mask", "warp_frame_pixels", "warp_frame")
"""Columns of `score_motion`."""


@dataclass(frozen=True)
class Motion:
    """How the truth moves: from every frame but the first the flow to the frame before, and where it can be trusted.

    flows: [frames - 1] of Flow; seen: bool [frames - 1, height, width], false where a pixel was hidden or out of sight.
    """

    flows: list[Flow]
    seen: NDArray[np.bool_]


def motion_of(truth: Frames) -> Motion | None:
    """The truth's optical flow (dense inverse search: T. Kroeger et al., ECCV 2016); None for frames below SMALLEST.

    Trusted is what the flow back and forth agrees on (N. Sundaram, T. Brox, K. Keutzer, ECCV 2010).
    """
    if min(truth.shape[1:3]) < SMALLEST:
        return None
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in truth]
    flows, seen = [], [np.zeros((0, *truth.shape[1:3]), np.bool_)]
    for before, after in itertools.pairwise(grey):
        back, forth = search.calc(after, before, None), search.calc(before, after, None)
        flows.append(back)
        seen.append(_agree(back, forth)[None])
    return Motion(flows, np.concatenate(seen))


def score_motion(output: Frames, truth: Frames, hole: Hole, motion: Motion | None) -> pd.DataFrame:
    """One row per frame with the columns COLUMNS; the first frame has no score, and without a motion none is warped.

    temporal_mask: mean absolute difference, in grey levels, between the output's change from the frame before and the
    truth's, over the hole. warp_mask, warp_frame: the mean squared difference, in squared grey levels, of the output to
    its frame before, carried along the truth's flow, over what was seen of the hole and of the frame (W.-S. Lai et al.:
    Learning blind video temporal consistency, ECCV 2018); warp_mask_pixels and warp_frame_pixels: how many these are.
    """
    nothing: dict[str, float] = dict.fromkeys(COLUMNS, float("nan")) | {"warp_mask_pixels": 0, "warp_frame_pixels": 0}
    rows = [nothing]
    for frame in range(1, len(output)):
        row = dict(nothing)
        if hole[frame].any():
            change, wanted = (_change(clip, frame, hole[frame]) for clip in (output, truth))
            row["temporal_mask"] = float(np.abs(change - wanted).mean())
        if motion is not None:
            warped = _carried(output[frame - 1], motion.flows[frame - 1])
            squared = _squared(cv2.subtract(output[frame].astype(np.float32), warped)) / 3
            for name, where in (("mask", motion.seen[frame - 1] & hole[frame]), ("frame", motion.seen[frame - 1])):
                row[f"warp_{name}_pixels"] = int(np.count_nonzero(where))
                if where.any():
                    row[f"warp_{name}"] = float(squared[where].mean(dtype=np.float64))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _change(clip: Frames, frame: int, where: NDArray[np.bool_]) -> NDArray[np.int32]:
    return clip[frame][where].astype(np.int32) - clip[frame - 1][where]


@lru_cache(maxsize=2)
def _grid(height: int, width: int) -> NDArray[np.float32]:
    """Where each pixel is, (x, y): float32 [height, width, 2]."""
    row, column = np.indices((height, width), dtype=np.float32)
    return np.stack([column, row], axis=-1)


def _carried(image: NDArray[np.uint8] | Flow, flow: Flow) -> NDArray[np.float32]:
    """An image, bilinear, where a flow says that each pixel came from: float32 [height, width, channels]."""
    place = cv2.add(_grid(*flow.shape[:2]), flow)
    carried = cv2.remap(image.astype(np.float32), place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(carried)


def _squared(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of squares over the channels: float32 [height, width]."""
    return np.asarray(cv2.transform(cv2.multiply(vectors, vectors), np.ones((1, vectors.shape[2]), np.float32)))


def _agree(back: Flow, forth: Flow) -> NDArray[np.bool_]:
    """Where the way back and then forth again ends about where it began, inside the frame: bool [height, width]."""
    height, width = back.shape[:2]
    place = cv2.add(_grid(height, width), back)
    inside = cv2.inRange(place, (0, 0), (width - 1, height - 1))
    there = _carried(forth, back)
    gap, length = _squared(cv2.add(back, there)), _squared(back) + _squared(there)
    return np.asarray((inside > 0) & (gap <= 0.01 * length + 0.5))


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return score_motion(output, reference.truth, reference.regions.mask, reference.once(motion_of))


def _warping(column: str, output: Output, where: str) -> TableColumn:
    """Warping errors are published in thousandths of the squared range."""
    unit = "10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT THREE}"
    return TableColumn(
        column, output, PERCEPTION, f"Warping error {where}, {output}, {unit}", 2, "low", unit=PEAK**2 / 1000
    )


MOTION = Metric(
    name="motion",
    title="temporal and warping errors",
    columns=COLUMNS,
    score=_score,
    pooled={
        "temporal_mask": over_pixels("temporal_mask", "mask_pixels"),
        "warp_mask": over_pixels("warp_mask", "warp_mask_pixels"),
        "warp_frame": over_pixels("warp_frame", "warp_frame_pixels"),
    },
    shown=(
        TableColumn("temporal_mask", "raw", PERCEPTION, "Temporal error in mask, raw", 2, "low"),
        _warping("warp_mask", "raw", "in mask"),
        _warping("warp_frame", "composited", "of frame"),
    ),
    notes=(
        "Temporal error: how much the change from frame to frame differs from the truth's; warping error: what remains "
        "when a frame is carried along the truth's optical flow to the next, where both show the same; the truth's own "
        "is not zero. Stillness and blur are rewarded: read them beside the scores of frames.",
    ),
    extra="how errors move",
)
"""Whether what was inpainted moves as the scene does."""
