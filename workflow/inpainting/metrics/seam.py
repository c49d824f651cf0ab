"""The seam: whether the edge of what was filled shows as a step that the truth does not have."""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.metrics.metric import PERCEPTION_HEADING, Metric, Reference, TableColumn
from inpainting.metrics.pooling import decibels_over_pixels, total
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

SEAM_COLUMNS = ("step_edge", "step_truth_edge", "edge_pairs")
"""Columns of `score_seam`."""


def score_seam(output: Frames, truth: Frames, filled: Hole, effect: Hole | None = None) -> pd.DataFrame:
    """Squared steps of luminance across the edge of what was filled: a row per frame, columns SEAM_COLUMNS.

    output, truth: uint8 [frames, height, width, 3]; filled: the dilated hole, bool [frames, height, width]; effect:
    pixels that do not count, of the same shape, because the input has a shadow there that no fill can match. step_edge,
    step_truth_edge: mean of the squared difference, in squared grey levels, of two pixels side by side, one of which
    was filled, in output and in truth; NaN without such pairs. edge_pairs: their number.
    """
    rows = []
    for frame, hole in enumerate(filled):
        ignored = np.zeros_like(hole) if effect is None else effect[frame]
        steps = [_squared_steps(clip[frame], hole, ignored) for clip in (output, truth)]
        means = [float(values.mean()) if len(values) else np.nan for values in steps]
        rows.append((*means, len(steps[0])))
    return pd.DataFrame(rows, columns=list(SEAM_COLUMNS))


def _squared_steps(
    image: NDArray[np.uint8], hole: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Of each pair of neighbours, right and below, across the hole's edge and none of them ignored: float64 [pairs]."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    steps = []
    for axis, before, after in ((0, np.s_[:-1], np.s_[1:]), (1, np.s_[:, :-1], np.s_[:, 1:])):
        counted = np.diff(hole, axis=axis) & ~ignored[before] & ~ignored[after]
        steps.append(np.diff(grey, axis=axis)[counted])
    return np.square(np.concatenate(steps))


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    regions = reference.regions
    filled = regions.mask if regions.filled is None else regions.filled
    return score_seam(output, reference.truth, filled, regions.effect)


SEAM = Metric(
    name="seam",
    title="seam",
    columns=SEAM_COLUMNS,
    score=_score,
    pooled={"seam_edge": decibels_over_pixels(*SEAM_COLUMNS), "edge_pairs": total("edge_pairs")},
    shown=(TableColumn("seam_edge", "composited", PERCEPTION_HEADING, "Seam, composited, dB", 1),),
    notes=("Seam: steps across the edge of what was filled, against the truth's; 0 dB: none, above: the edge shows.",),
)
"""Steps across the edge of what was filled, against the truth's."""
