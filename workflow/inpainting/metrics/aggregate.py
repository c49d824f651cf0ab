"""From scores of frames to scores of sequences, and from sequences to means with an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.core.seeds import derive
from inpainting.metrics.registry import METRICS

RESAMPLES = 2000
"""Draws of sequences that a bootstrap interval is taken from."""

INTERVAL_FROM = 5
"""Sequences that an interval needs at least; draws of fewer hold too little of their spread."""

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
    """Scores of sequences from scores of their frames (`by_region.score_clip` and others, with the columns `keys`).

    One row per combination of keys, sorted by them: frames, masked_frames (those with a hole) and, in the registry's
    order, what each metric keeps of a sequence, as far as the columns are given that it comes from. Of every region
    <region>_pixels, psnr_<region> (dB, at most PSNR_CEILING), mae_<region> and ssim_<region>, NaN for a region without
    a pixel in the whole sequence; capped: whether psnr_mask was cut to the ceiling.
    """
    groups = [frames[key] for key in keys]
    masked = (frames["mask_pixels"] > 0).groupby(groups)
    pooled = {name: column for metric in METRICS for name, column in metric.pooled.items()}
    given = {name: column.of(frames, groups) for name, column in pooled.items() if {*column.columns} <= {*frames}}
    return pd.DataFrame({"frames": masked.size(), "masked_frames": masked.sum(), **given}).reset_index()


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
