"""Fine detail in the hole: whether a fill is as sharp as the truth, which errors of pixels do not tell.

A blurred fill has little energy in its Laplacian, and noise much; a sharp fill that does not match the truth pixel by
pixel has as much as the truth.
"""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.metrics.metric import PERCEPTION_HEADING, Metric, Reference, TableColumn
from inpainting.metrics.pooling import decibels_over_pixels
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

NOTE = "Detail: energy of the Laplacian in the hole against the truth's; 0 dB: as sharp as the truth, below: blurred."

DETAIL_COLUMNS = ("laplacian_mask", "laplacian_truth_mask")
"""Columns of `score_detail`."""


def score_detail(output: Frames, truth: Frames, hole: Hole) -> pd.DataFrame:
    """Mean squared Laplacian in the hole, of the output and of the truth: a row per frame, columns DETAIL_COLUMNS.

    output, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated. The Laplacian is
    the four-neighbour one of luminance (ITU-R BT.601), in squared grey levels. NaN for a frame without a hole.
    """
    rows = [
        tuple(_energy(clip[frame], hole[frame]) for clip in (output, truth)) if hole[frame].any() else (np.nan, np.nan)
        for frame in range(len(output))
    ]
    return pd.DataFrame(rows, columns=list(DETAIL_COLUMNS), dtype=float)


def _energy(image: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    edges = cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    return float(np.square(edges[where], dtype=np.float64).mean())


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return score_detail(output, reference.truth, reference.regions.mask)


DETAIL = Metric(
    name="detail",
    title="fine detail",
    columns=DETAIL_COLUMNS,
    score=_score,
    pooled={"detail_mask": decibels_over_pixels(*DETAIL_COLUMNS, "mask_pixels")},
    shown=(TableColumn("detail_mask", "raw", PERCEPTION_HEADING, "Detail in mask, raw, dB", 1),),
    headline=(TableColumn("detail_mask", "raw", "", "Detail in mask, dB", 1),),
    headline_note=NOTE,
    notes=(NOTE,),
)
"""Sharpness in the hole, against the truth's."""
