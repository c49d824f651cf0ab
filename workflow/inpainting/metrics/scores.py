"""Scores of an inpainted clip against the truth, frame by frame and region by region."""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.metrics.regions import REGIONS, Clip, Regions
from inpainting.metrics.ssim import ssim

PEAK = 255.0
"""The largest value a pixel can have."""

SUM_OF_CHANNELS = np.ones((1, 3), np.float32)
"""As OpenCV takes it. Sums of whole numbers up to 3 x 255^2 are exact in float32."""

MEASURES = ("mse", "psnr", "mae", "ssim")
"""What is measured in every region."""

SCORES = (
    "frame",
    *(f"{region}_pixels" for region in REGIONS),
    *(f"{measure}_{region}" for region in REGIONS for measure in MEASURES),
)
"""Columns of `score_clip`."""


def score_clip(output: Clip, truth: Clip, regions: Regions) -> pd.DataFrame:
    """One row per frame with the columns SCORES.

    output, truth: uint8 [frames, height, width, 3]. `frame` counts from 1. MSE (in squared grey levels) and MAE (in
    grey levels) are means over a region's pixels and three channels; PSNR is in dB with a peak of 255; SSIM is the mean
    of its map over a region's pixels, and over a whole frame without the border that its window does not fill. Where a
    region has no pixel in a frame, its values there are NaN; where it has no error, PSNR is infinite. Raises ValueError
    where the arrays do not fit together.
    """
    hole = regions.mask
    if output.dtype != np.uint8 or truth.dtype != np.uint8 or hole.dtype != np.bool_:
        raise ValueError(f"clips must be uint8 and holes bool; got {output.dtype}, {truth.dtype} and {hole.dtype}")
    if output.shape != truth.shape or output.shape != (*hole.shape, 3):
        raise ValueError(f"shapes do not fit: output {output.shape}, truth {truth.shape}, hole {hole.shape}")
    rows = [
        {"frame": number + 1, **_score_frame(output[number], truth[number], regions.of_frame(number))}
        for number in range(len(output))
    ]
    return pd.DataFrame(rows, columns=list(SCORES))


def psnr(mse: NDArray[np.float64] | pd.Series | float) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE): infinite for 0, NaN for NaN."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(PEAK**2 / np.asarray(mse, np.float64)))


def _score_frame(
    output: NDArray[np.uint8], truth: NDArray[np.uint8], regions: dict[str, NDArray[np.bool_]]
) -> dict[str, float]:
    error = cv2.absdiff(output, truth).astype(np.float32)
    absolute, squared = (cv2.transform(values, SUM_OF_CHANNELS) for values in (error, cv2.multiply(error, error)))
    frame_similarity, similarity = ssim(output, truth)
    scores: dict[str, float] = {}
    for name in REGIONS:
        where = regions.get(name)
        pixels = absolute.size if where is None else int(np.count_nonzero(where))
        mse = _mean(squared, where, 3 * pixels)
        scores |= {
            f"{name}_pixels": pixels,
            f"mse_{name}": mse,
            f"psnr_{name}": float(psnr(mse)),
            f"mae_{name}": _mean(absolute, where, 3 * pixels),
            f"ssim_{name}": frame_similarity if where is None else _mean(similarity, where, pixels),
        }
    return scores


def _mean(values: NDArray[np.float32], where: NDArray[np.bool_] | None, count: int) -> float:
    """Sum of an image [height, width] over a region, None for all of it, by a count; NaN where that is nothing."""
    if count == 0:
        return float("nan")
    chosen = values if where is None else values[where]
    return float(chosen.sum(dtype=np.float64)) / count
