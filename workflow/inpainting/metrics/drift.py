"""Drift: whether the fill's colour wanders from the truth's in the course of a clip, which flicker does not tell."""

import numpy as np
import pandas as pd

from inpainting.metrics.metric import PERCEPTION_HEADING, Metric, Reference, TableColumn
from inpainting.metrics.pooling import Groups, Pooled, mean_over_pixels
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

DRIFT_COLUMNS = ("offset_red_mask", "offset_green_mask", "offset_blue_mask")
"""Columns of `score_drift`."""


def score_drift(output: Frames, truth: Frames, hole: Hole) -> pd.DataFrame:
    """Mean of output - truth over the hole, by channel, in grey levels: a row per frame, columns DRIFT_COLUMNS.

    output, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated. NaN for a frame
    without a hole.
    """
    rows = [
        (made[where].astype(np.int16) - real[where]).mean(axis=0) if where.any() else (np.nan,) * 3
        for made, real, where in zip(output, truth, hole, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(DRIFT_COLUMNS), dtype=float)


def _deviation(groups: Groups, *columns: pd.Series) -> pd.Series:
    """Root mean square over frames and channels of each offset's distance from its mean over the sequence.

    columns: those of DRIFT_COLUMNS, and mask_pixels, by which frames are weighted.
    """
    *offsets, pixels = columns
    variances = [
        mean_over_pixels(groups, offset.pow(2), pixels) - mean_over_pixels(groups, offset, pixels).pow(2)
        for offset in offsets
    ]
    return (sum(variances[1:], variances[0]) / len(variances)).clip(lower=0).pow(0.5)


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return score_drift(output, reference.truth, reference.regions.mask)


DRIFT = Metric(
    name="drift",
    title="drift",
    columns=DRIFT_COLUMNS,
    score=_score,
    pooled={"drift_mask": Pooled(_deviation, (*DRIFT_COLUMNS, "mask_pixels"))},
    shown=(TableColumn("drift_mask", "raw", PERCEPTION_HEADING, "Drift in mask, raw, grey levels", 2, "low"),),
    notes=("Drift: how far the hole's mean colour wanders from the truth's in the course of a sequence.",),
)
"""Wandering of the fill's mean colour against the truth's."""
