"""PSNR and SSIM as ProPainter's evaluation computes them, for comparison with its published tables.

S. Zhou, C. Li, K. C. K. Chan, C. C. Loy: ProPainter, ICCV 2023; scripts/evaluate_propainter.py and core/metrics.py of
its repository. Frames are resized to 432 x 240, the mask is dilated four times by a cross, the output is pasted over
the truth, and whole 8-bit frames are scored. As known pixels equal the truth, scores depend mainly on the mask's size.
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

FRAME_SIZE = (432, 240)
SSIM_WINDOW = 65
DILATIONS = 4

PROPAINTER_COLUMNS = ("propainter_psnr", "propainter_ssim")


def propainter_compat(output: Frames, truth: Frames, hole: Hole) -> pd.DataFrame:
    """Score each frame: one row per frame with the columns PROPAINTER_COLUMNS.

    output, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated. propainter_psnr:
    dB, infinite without error; propainter_ssim: -1..1.
    """
    rows = []
    for image, true, frame_hole in zip(output, truth, hole, strict=True):
        small, target = (cv2.resize(frame, FRAME_SIZE, interpolation=cv2.INTER_LINEAR) for frame in (image, true))
        pasted = np.where(_dilated(frame_hole)[..., None], small, target)
        mse = float(np.square(cv2.absdiff(pasted, target), dtype=np.int32).mean())
        rows.append((float(psnr(mse)), ssim_of_large_windows(pasted, target, SSIM_WINDOW)))
    return pd.DataFrame(rows, columns=list(PROPAINTER_COLUMNS))


def _dilated(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    small = cv2.resize(hole.astype(np.uint8), FRAME_SIZE, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.dilate(small, cross, iterations=DILATIONS)).astype(bool)


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return propainter_compat(output, reference.truth, reference.regions.mask)


PROPAINTER_HEADING = "propainter_compat: as ProPainter's evaluation computes them"
"""Heading of the table of these scores."""

PROPAINTER_COMPAT = Metric(
    name="propainter_compat",
    title="propainter_compat",
    columns=PROPAINTER_COLUMNS,
    score=_score,
    pooled={name: over_frames(name) for name in PROPAINTER_COLUMNS},
    outputs=("composited",),
    composites_itself=True,
    shown=(
        TableColumn("propainter_psnr", "composited", PROPAINTER_HEADING, "PSNR, dB", 2, "high"),
        TableColumn("propainter_ssim", "composited", PROPAINTER_HEADING, "SSIM", 4, "high"),
    ),
    notes=(
        f"propainter_compat: frames resized to {FRAME_SIZE[0]} x {FRAME_SIZE[1]}, the mask dilated four times by a "
        f"cross, the output pasted over the truth; PSNR and SSIM (window {SSIM_WINDOW}) of whole 8-bit frames, then "
        "the mean, for PSNR without frames that have no error. Scores depend mainly on the size of the mask: compare "
        "them only with published numbers of this protocol.",
    ),
    extra="PSNR and SSIM as ProPainter's evaluation computes them",
)
"""PSNR and SSIM that can be compared with ProPainter's published ones."""
