"""From scores of frames to scores of sequences, and from sequences to means with an interval.

A sequence's PSNR comes from the MSE pooled over all pixels of the region in all its frames, so that frames with a small
mask count for what they are and a frame without error makes nothing infinite. Its SSIM is a mean over the same pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.core.seeds import derive
from inpainting.metrics.regions import REGIONS
from inpainting.metrics.scores import psnr

PSNR_CEILING = 60.0
"""A sequence's PSNR is counted up to this many dB. Rounding to 8 bits alone makes an error of 58.9 dB (an MSE of 1/12):
what lies above says nothing about inpainting, and infinity would swallow the mean. `capped` counts such sequences."""

RESAMPLES = 2000
"""Draws of sequences that a bootstrap interval is taken from."""

INTERVAL_FROM = 5
"""Sequences that an interval needs at least; draws of fewer hold too little of their spread."""

POOLED = {"temporal_mask": "mask_pixels", "warp_mask": "warp_mask_pixels", "warp_frame": "warp_frame_pixels"}
"""Scores of motion, and the pixels that each is a mean over."""

AVERAGED = ("vmaf", "propainter_psnr", "propainter_ssim", "seconds_per_frame", "peak_memory_gib")
"""What is averaged over frames; a frame whose PSNR is infinite, having no error, is left out of that mean."""

KEYS = ("method", "sequence", "output")
"""What tells one sequence's scores from another's."""


@dataclass(frozen=True)
class Interval:
    """A mean over sequences and its 95 % bootstrap interval.

    mean is NaN without sequences; low and high are NaN with fewer than INTERVAL_FROM. count: sequences.
    """

    mean: float
    low: float
    high: float
    count: int

    def columns(self, name: str) -> dict[str, float]:
        """The mean and the interval's ends as a table's columns: `interval_columns(name)`."""
        return dict(zip(interval_columns(name), (self.mean, self.low, self.high), strict=True))


def interval_columns(name: str) -> tuple[str, str, str]:
    """What a table calls a mean, and the lower and upper end of its interval."""
    return name, f"{name}_low", f"{name}_high"


def per_sequence(frames: pd.DataFrame, keys: Sequence[str] = KEYS) -> pd.DataFrame:
    """Scores of sequences from scores of their frames (`scores.score_clip`, with the columns `keys` added).

    One row per combination of keys, sorted by them: frames, masked_frames (those with a hole), <region>_pixels,
    psnr_<region> (dB, at most PSNR_CEILING), mae_<region> and ssim_<region> (means over the region's pixels; of whole
    frames over frames) for each of REGIONS, capped (whether psnr_mask was cut to the ceiling), and what else is given
    of AVERAGED and POOLED. A region without a pixel in the whole sequence has NaN.
    """
    groups = frames.groupby(list(keys), sort=True)
    result = pd.DataFrame(
        {
            "frames": groups.size(),
            "masked_frames": (frames["mask_pixels"] > 0).groupby([frames[key] for key in keys]).sum(),
        }
    )
    for region in REGIONS:
        value = psnr(_pooled(frames, f"mse_{region}", f"{region}_pixels", keys))
        result[f"{region}_pixels"] = groups[f"{region}_pixels"].sum()
        if region == "mask":
            result["capped"] = value > PSNR_CEILING
        result[f"psnr_{region}"] = np.minimum(value, PSNR_CEILING)
        result[f"mae_{region}"] = _pooled(frames, f"mae_{region}", f"{region}_pixels", keys)
        result[f"ssim_{region}"] = _pooled(frames, f"ssim_{region}", f"{region}_pixels", keys)
    for name, pixels in POOLED.items():
        if name in frames:
            result[name] = _pooled(frames, name, pixels, keys)
    finite = frames.replace(np.inf, np.nan)
    for name in AVERAGED:
        if name in frames:
            result[name] = finite.groupby(list(keys), sort=True)[name].mean()
    return result.reset_index()


def _pooled(table: pd.DataFrame, value: str, pixels: str, keys: Sequence[str]) -> pd.Series:
    """Mean of a per-frame mean over all pixels that it was taken over; NaN where there are none."""
    groups = [table[key] for key in keys]
    weight = table[pixels].where(table[value].notna(), 0)
    return (table[value].fillna(0.0) * weight).groupby(groups).sum() / weight.groupby(groups).sum()


def mean_interval(values: Sequence[float] | pd.Series, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Mean of one value per sequence, and where 95 % of the means of sequences drawn with replacement lie.

    NaN values are left out and not counted. The draws depend on the seed and on the number of values alone, so methods
    scored on the same sequences share them. B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap, 1993, ch. 13.
    """
    given = np.asarray(values, np.float64)
    known = given[~np.isnan(given)]
    mean = float(known.mean()) if len(known) else float("nan")
    if len(known) < INTERVAL_FROM:
        return Interval(mean, float("nan"), float("nan"), len(known))
    means = known[_draws(len(known), seed, resamples)].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(mean, float(low), float(high), len(known))


def paired_interval(values: pd.Series, reference: pd.Series, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Mean of `values - reference` over sequences, with its interval; both are indexed by sequence.

    Pairing takes out how hard a sequence is, which both methods share. Raises ValueError where the sequences differ.
    """
    if set(values.index) != set(reference.index) or len(values) != len(reference):
        raise ValueError("paired values must be of the same sequences")
    return mean_interval((values - reference.reindex(values.index)).sort_index(), seed, resamples)


@lru_cache(maxsize=8)
def _draws(count: int, seed: int, resamples: int) -> NDArray[np.int64]:
    """Positions 0..count-1 drawn with replacement: int64 [resamples, count]."""
    rng = np.random.default_rng(derive(seed, "metrics.bootstrap", count))
    return rng.integers(count, size=(resamples, count))
