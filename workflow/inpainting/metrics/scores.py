"""Scores of an inpainted clip against the truth, frame by frame: in the hole, along its edge, outside, everywhere."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from inpainting.video.masks import Hole, dilate

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3], red, green, blue in 0..255."""

PEAK = 255.0
"""The largest value a pixel can have."""

BAND = 3
"""Pixels that the band along the mask's edge reaches to either side of it."""

SSIM_WINDOW = 7
"""Side in pixels of the square that SSIM compares; scikit-image's own default."""

SCORES = (
    "frame",
    "frame_pixels",
    "mask_pixels",
    "band_pixels",
    "mse_mask",
    "psnr_mask",
    "ssim_mask",
    "mae_mask",
    "mse_band",
    "psnr_band",
    "mse_outside",
    "psnr_outside",
    "mse_frame",
    "psnr_frame",
    "ssim_frame",
)
"""Columns of `score_clip`."""


def score_clip(output: Clip, truth: Clip, hole: Hole) -> pd.DataFrame:
    """One row per frame with the columns SCORES.

    output, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width], not dilated.
    `frame` counts from 1. MSE (in squared grey levels) and MAE (in grey levels) are means over a region's pixels and
    three channels; PSNR is in dB with a peak of 255. Where a region has no pixel in a frame, its values there are NaN;
    where it has no error, PSNR is infinite. Raises ValueError where the arrays do not fit together.
    """
    if output.dtype != np.uint8 or truth.dtype != np.uint8 or hole.dtype != np.bool_:
        raise ValueError(f"clips must be uint8 and holes bool; got {output.dtype}, {truth.dtype} and {hole.dtype}")
    if output.shape != truth.shape or output.shape != (*hole.shape, 3):
        raise ValueError(f"shapes do not fit: output {output.shape}, truth {truth.shape}, hole {hole.shape}")
    band = edge_band(hole)
    rows = [
        {"frame": number, **_score_frame(*images)}
        for number, images in enumerate(zip(output, truth, hole, band, strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=list(SCORES))


def edge_band(hole: Hole, pixels: int = BAND) -> Hole:
    """Pixels within `pixels` of both a hole pixel and a known one: bool [frames, height, width].

    The frame's border is no edge: a hole that runs out of the picture has its band only where it meets known pixels.
    """
    return dilate(hole, pixels) & dilate(~hole, pixels)


def psnr(mse: NDArray[np.float64] | pd.Series | float) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE): infinite for 0, NaN for NaN."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(PEAK**2 / np.asarray(mse, np.float64)))


def ssim(output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> tuple[float, NDArray[np.float64]]:
    """Structural similarity of two frames, uint8 [height, width, 3]: the frame's value, and the map it comes from.

    The map, float64 [height, width] in -1..1, is the mean over the channels and covers the border; the frame's value
    leaves out the border that the window does not fill, as scikit-image does. Frames smaller than SSIM_WINDOW are
    compared with the largest odd window they hold. Raises ValueError where that is less than 3 pixels.
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004.
    """
    side = min(SSIM_WINDOW, *output.shape[:2])
    window = side - 1 + side % 2
    if window < 3:
        raise ValueError(f"SSIM needs frames of 3 x 3 pixels at least, not {output.shape[1]} x {output.shape[0]}")
    value, similarity = structural_similarity(
        output, truth, win_size=window, data_range=PEAK, channel_axis=-1, full=True
    )
    return float(value), similarity.mean(axis=-1)


def _score_frame(
    output: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_], band: NDArray[np.bool_]
) -> dict[str, float]:
    error = np.abs(output.astype(np.int32) - truth.astype(np.int32))
    squared = error**2
    similarity, similarity_map = ssim(output, truth)
    regions = {"mask": hole, "band": band, "outside": ~hole, "frame": np.ones_like(hole)}
    mse = {name: _mean(squared, region) for name, region in regions.items()}
    return {
        "frame_pixels": hole.size,
        "mask_pixels": int(hole.sum()),
        "band_pixels": int(band.sum()),
        **{f"mse_{name}": value for name, value in mse.items()},
        **{f"psnr_{name}": float(psnr(value)) for name, value in mse.items()},
        "mae_mask": _mean(error, hole),
        "ssim_mask": _mean(similarity_map, hole),
        "ssim_frame": similarity,
    }


def _mean(values: NDArray[np.int32] | NDArray[np.float64], region: NDArray[np.bool_]) -> float:
    """Mean of an image [height, width, ...] over a region's pixels; NaN where it has none."""
    return float(values[region].mean(dtype=np.float64)) if region.any() else float("nan")
