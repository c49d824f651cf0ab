"""MSE, PSNR, MAE and SSIM of an inpainted clip against the truth, in each region."""

from typing import Literal

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.examples import Output
from inpainting.metrics.metric import Metric, Reference, TableColumn
from inpainting.metrics.pooling import Pooled, above_ceiling, over_pixels, psnr_over_pixels, total
from inpainting.metrics.psnr import psnr
from inpainting.metrics.regions import BAND_RADIUS, REGIONS, Regions
from inpainting.metrics.ssim import ssim
from inpainting.video.clip import Frames

SUM_OF_CHANNELS = np.ones((1, 3), np.float32)
"""Matrix for cv2.transform, [1, 3]. Sums of integers up to 3 x 255^2 are exact in float32."""

MEASURES = ("mse", "psnr", "mae", "ssim")
"""Scores of each region."""

REGION_COLUMNS = (
    "frame",
    *(f"{region}_pixels" for region in REGIONS),
    *(f"{measure}_{region}" for region in REGIONS for measure in MEASURES),
)
"""Columns of `score_clip`."""


def score_clip(output: Frames, truth: Frames, regions: Regions) -> pd.DataFrame:
    """Score each frame in each region: one row per frame with the columns REGION_COLUMNS.

    output, truth: uint8 [frames, height, width, 3]. frame: counts from 1. mse_<region>: 0..255^2, squared grey levels,
    and mae_<region>: 0..255, grey levels, are means over the region's pixels and the three channels. psnr_<region>: dB,
    see `psnr`, infinite without error. ssim_<region>: -1..1, mean of the map of `ssim` over the region's pixels; of the
    whole frame without the border that the window does not fill. Scores are NaN if the region has no pixel in the
    frame. Raises ValueError if shapes or types do not match.
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
    return pd.DataFrame(rows, columns=list(REGION_COLUMNS))


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
    """Sum of an image [height, width] over a region (None: all pixels) divided by `count`; NaN if `count` is 0."""
    if count == 0:
        return float("nan")
    chosen = values if where is None else values[where]
    return float(chosen.sum(dtype=np.float64)) / count


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return score_clip(output, reference.truth, reference.regions)


def _pooled(region: str) -> dict[str, Pooled]:
    pixels = f"{region}_pixels"
    return {
        pixels: total(pixels),
        **({"capped": above_ceiling("mse_mask", pixels)} if region == "mask" else {}),
        f"psnr_{region}": psnr_over_pixels(f"mse_{region}", pixels),
        f"mae_{region}": over_pixels(f"mae_{region}", pixels),
        f"ssim_{region}": over_pixels(f"ssim_{region}", pixels),
    }


def _shown(measure: str, part: str, digits: int, better: Literal["high", "low"]) -> tuple[TableColumn, ...]:
    """One table per output with one column per region; `part`: its heading, with {} in place of the output."""
    outputs: dict[Output, str] = {"raw": "raw output", "composited": "composited"}
    return tuple(
        TableColumn(f"{measure}_{region}", output, part.format(name), region.capitalize(), digits, better)
        for output, name in outputs.items()
        for region in REGIONS
    )


BY_REGION = Metric(
    name="by_region",
    title="errors by region",
    columns=REGION_COLUMNS[1:],
    score=_score,
    pooled={name: pooled for region in REGIONS for name, pooled in _pooled(region).items()},
    shown=(
        *_shown("psnr", "PSNR by region, {}, dB", 2, "high"),
        *_shown("ssim", "SSIM by region, {}", 3, "high"),
        *_shown("mae", "Mean absolute error by region, {}, grey levels", 2, "low"),
    ),
    headline=(
        TableColumn("psnr_mask", "raw", "", "PSNR in mask, dB", 2, "high"),
        TableColumn("ssim_mask", "raw", "", "SSIM in mask", 3, "high"),
    ),
    headline_note="In mask: the raw output in the undilated hole, against the truth; PSNR from the MSE over all mask "
    "pixels of a sequence, SSIM as the mean of its map over them; then the mean over sequences.",
    notes=(
        f"Mask: the hole, not dilated; band: within {BAND_RADIUS} pixels of its edge; effect: outside the dilated "
        "hole, where input and truth differ (shadows, reflections), if any; outside: all but the hole.",
        "Composited: the output in the hole, the input elsewhere; shadows outside the hole stay as in the input.",
    ),
)
"""Scores of single frames by region; the comparison of methods shows two of them."""
