"""Pooling of the scores of a sequence's frames into one score of the sequence.

Scores of a region are averaged over pixels, so that a frame with a small mask has a small weight. PSNR is computed from
the pooled MSE, so that one frame without error does not make it infinite.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from inpainting.metrics.psnr import PSNR_CEILING, psnr

Groups = list[pd.Series]
"""The columns that assign frames to sequences, each with one row per frame."""


@dataclass(frozen=True)
class Pooled:
    """A column of sequences, pooled from columns of frames.

    pool: function of the groups and the columns (one row per frame) that returns one row per sequence, sorted by the
    groups; columns: names of the columns of frames.
    """

    pool: Callable[..., pd.Series]
    columns: tuple[str, ...]

    def of(self, frames: pd.DataFrame, groups: Groups) -> pd.Series:
        """Pool the columns of `frames`: one row per sequence, sorted by the groups."""
        return self.pool(groups, *(frames[name] for name in self.columns))


def over_pixels(value: str, pixels: str) -> Pooled:
    """Mean over a region's pixels; `value`: column with each frame's mean, `pixels`: column with their number.

    NaN if the sequence has no such pixel.
    """
    return Pooled(mean_over_pixels, (value, pixels))


def psnr_over_pixels(mse: str, pixels: str) -> Pooled:
    """PSNR of the pooled MSE in dB, at most PSNR_CEILING; arguments as in `over_pixels`."""
    return Pooled(_psnr, (mse, pixels))


def decibels_over_pixels(output: str, truth: str, pixels: str) -> Pooled:
    """Ratio of the output's mean over a region's pixels to the truth's, both in squared grey levels: in dB.

    One squared grey level, about what rounding to 8 bits adds, is added to both, so that flat regions weigh little.
    """
    return Pooled(_decibels, (output, truth, pixels))


def above_ceiling(mse: str, pixels: str) -> Pooled:
    """Whether `psnr_over_pixels` was cut to PSNR_CEILING: bool."""
    return Pooled(_above_ceiling, (mse, pixels))


def over_frames(value: str) -> Pooled:
    """Mean over frames; infinite scores, such as the PSNR of a frame without error, are left out."""
    return Pooled(_over_frames, (value,))


def total(value: str) -> Pooled:
    """Sum over frames."""
    return Pooled(_total, (value,))


def mean_over_pixels(groups: Groups, value: pd.Series, pixels: pd.Series) -> pd.Series:
    """Mean over the pixels of each sequence; value: means of frames, NaN without pixels; pixels: their number."""
    weight = pixels.where(value.notna(), 0)
    return (value.fillna(0.0) * weight).groupby(groups).sum() / weight.groupby(groups).sum()


def _psnr(groups: Groups, mse: pd.Series, pixels: pd.Series) -> pd.Series:
    pooled = mean_over_pixels(groups, mse, pixels)
    return pd.Series(np.minimum(psnr(pooled), PSNR_CEILING), pooled.index)


def _decibels(groups: Groups, output: pd.Series, truth: pd.Series, pixels: pd.Series) -> pd.Series:
    made, real = (mean_over_pixels(groups, value, pixels) + 1 for value in (output, truth))
    return pd.Series(10 * np.log10(made / real), made.index)


def _above_ceiling(groups: Groups, mse: pd.Series, pixels: pd.Series) -> pd.Series:
    pooled = mean_over_pixels(groups, mse, pixels)
    return pd.Series(psnr(pooled) > PSNR_CEILING, pooled.index)


def _over_frames(groups: Groups, value: pd.Series) -> pd.Series:
    return value.replace(np.inf, np.nan).groupby(groups).mean()


def _total(groups: Groups, value: pd.Series) -> pd.Series:
    return value.groupby(groups).sum()
