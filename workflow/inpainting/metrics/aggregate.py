"""Scores of sequences from scores of frames, and means over sequences with confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.core.seeds import derive
from inpainting.metrics.registry import METRICS

RESAMPLES = 2000
"""Bootstrap samples of an interval."""

MIN_SEQUENCES = 5
"""Fewest sequences for a bootstrap interval or a test; resampling fewer underestimates their spread."""

SEQUENCE_KEYS = ("method", "sequence", "output")
"""Columns that identify the scores of one sequence."""


@dataclass(frozen=True)
class Interval:
    """A mean over sequences and its 95 % bootstrap interval.

    mean: NaN without sequences; low, high: NaN for fewer than MIN_SEQUENCES; count: number of sequences.
    """

    mean: float
    low: float
    high: float
    count: int

    def columns(self, name: str) -> dict[str, float]:
        """Mean, low and high by the column names of `interval_columns(name)`."""
        return dict(zip(interval_columns(name), (self.mean, self.low, self.high), strict=True))


def interval_columns(name: str) -> tuple[str, str, str]:
    """Column names of a mean and of the lower and upper end of its interval."""
    return name, f"{name}_low", f"{name}_high"


def per_sequence(frames: pd.DataFrame, keys: Sequence[str] = SEQUENCE_KEYS) -> pd.DataFrame:
    """Pool scores of frames (one row per frame, with the columns `keys`) into scores of sequences.

    Returns one row per combination of keys, sorted by them, with the columns frames, masked_frames (frames with a hole)
    and every metric's `pooled` columns whose inputs are present, in the registry's order. For each region:
    <region>_pixels, psnr_<region> (dB, at most PSNR_CEILING), mae_<region> (grey levels) and ssim_<region>, NaN if the
    region has no pixel in the whole sequence; capped: whether psnr_mask was cut to the ceiling.
    """
    groups = [frames[key] for key in keys]
    masked = (frames["mask_pixels"] > 0).groupby(groups)
    pooled = {name: column for metric in METRICS for name, column in metric.pooled.items()}
    given = {name: column.of(frames, groups) for name, column in pooled.items() if {*column.columns} <= {*frames}}
    return pd.DataFrame({"frames": masked.size(), "masked_frames": masked.sum(), **given}).reset_index()


def mean_interval(values: Sequence[float] | pd.Series, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Mean over sequences with its 95 % percentile bootstrap interval; `values`: one per sequence.

    NaN values are dropped and not counted. Resampling depends only on the seed and on the number of values, so methods
    scored on the same sequences share their samples. B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap,
    1993, ch. 13.
    """
    given = np.asarray(values, np.float64)
    known = given[~np.isnan(given)]
    mean = float(known.mean()) if len(known) else float("nan")
    if len(known) < MIN_SEQUENCES:
        return Interval(mean, float("nan"), float("nan"), len(known))
    means = known[_draws(len(known), seed, resamples)].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(mean, float(low), float(high), len(known))


def paired_interval(values: pd.Series, reference: pd.Series, seed: int) -> Interval:
    """Mean of `values - reference` over sequences, with its interval; both are indexed by sequence.

    Pairing removes the difficulty of a sequence, which both methods share. Raises ValueError if the sequences differ.
    """
    if set(values.index) != set(reference.index) or len(values) != len(reference):
        raise ValueError("paired values must belong to the same sequences")
    return mean_interval((values - reference.reindex(values.index)).sort_index(), seed)


@lru_cache(maxsize=8)
def _draws(count: int, seed: int, resamples: int) -> NDArray[np.int64]:
    """Indices 0..count-1 drawn with replacement: int64 [resamples, count]."""
    rng = np.random.default_rng(derive(seed, "metrics.bootstrap", count))
    return rng.integers(count, size=(resamples, count))
