"""PSNR and SSIM as ProPainter's evaluation computes them, to stand beside its published tables.

S. Zhou, C. Li, K. C. K. Chan, C. C. Loy: ProPainter, ICCV 2023; scripts/evaluate_propainter.py, core/metrics.py of
its repository. Whole frames of 432 x 240, the mask dilated four times by a cross, the output pasted over the truth,
8 bits; per frame, then the mean. Known pixels are the truth's own: scores follow the size of the mask above all.
"""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.metrics.regions import Clip
from inpainting.metrics.scores import psnr
from inpainting.metrics.ssim import ssim_of_large_windows
from inpainting.video.masks import Hole

SIZE = (432, 240)
WINDOW = 65
DILATIONS = 4

COLUMNS = ("propainter_psnr", "propainter_ssim")


def propainter_compat(output: Clip, truth: Clip, hole: Hole) -> pd.DataFrame:
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
