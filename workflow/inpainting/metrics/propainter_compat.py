"""PSNR and SSIM as ProPainter's evaluation computes them, to stand beside its published tables.

S. Zhou, C. Li, K. C. K. Chan, C. C. Loy: ProPainter, ICCV 2023; scripts/evaluate_propainter.py, core/metrics.py of
its repository. Whole frames of 432 x 240, the mask dilated four times by a cross, the output pasted over the truth,
8 bits; per frame, then the mean. Known pixels are the truth's own: scores follow the size of the mask above all.
"""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.metrics.metric import Metric, Reference, TableColumn
from inpainting.metrics.pooling import over_frames
from inpainting.metrics.psnr import psnr
from inpainting.metrics.ssim import ssim_of_large_windows
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

SIZE = (432, 240)
WINDOW = 65
DILATIONS = 4

COLUMNS = ("propainter_psnr", "propainter_ssim")


def propainter_compat(output: Frames, truth: Frames, hole: Hole) -> pd.DataFrame:
    """A row per frame with the columns COLUMNS; PSNR is infinite for a frame without error.

    output, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated.
    """
    rows = []
    for image, true, frame_hole in zip(output, truth, hole, strict=True):
        small, wanted = (cv2.resize(frame, SIZE, interpolation=cv2.INTER_LINEAR) for frame in (image, true))
        pasted = np.where(_dilated(frame_hole)[..., None], small, wanted)
        mse = float(np.square(cv2.absdiff(pasted, wanted), dtype=np.int32).mean())
        rows.append((float(psnr(mse)), ssim_of_large_windows(pasted, wanted, WINDOW)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _dilated(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    small = cv2.resize(hole.astype(np.uint8), SIZE, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.dilate(small, cross, iterations=DILATIONS)).astype(bool)


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return propainter_compat(output, reference.truth, reference.regions.mask)


PART = "propainter_compat: as ProPainter's evaluation computes them"
"""Heading of the table that these scores stand in."""

PROPAINTER_COMPAT = Metric(
    name="propainter_compat",
    title="propainter_compat",
    columns=COLUMNS,
    score=_score,
    pooled={name: over_frames(name) for name in COLUMNS},
    outputs=("composited",),
    composites_itself=True,
    shown=(
        TableColumn("propainter_psnr", "composited", PART, "PSNR, dB", 2, "high"),
        TableColumn("propainter_ssim", "composited", PART, "SSIM", 4, "high"),
    ),
    notes=(
        f"propainter_compat: frames scaled to {SIZE[0]} x {SIZE[1]}, the mask dilated four times by a cross, pasted "
        f"over the truth; PSNR and SSIM (window {WINDOW}) of whole 8-bit frames, then the mean, frames without an "
        "error left out of PSNR's. It follows the size of the mask above all: compare it with that protocol's "
        "published figures alone.",
    ),
    extra="PSNR and SSIM as ProPainter's evaluation computes them",
)
"""PSNR and SSIM that stand beside ProPainter's published ones."""
