"""How the scores of a sequence's frames become one score of the sequence.

A score in a region is a mean over pixels, so that frames with a small mask count for what they are. PSNR comes from the
MSE pooled in this way, so that a frame without error makes nothing infinite.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from inpainting.metrics.psnr import PSNR_CEILING, psnr

Groups = list[pd.Series]
"""The keys by which frames belong to sequences, a row per frame each."""


@dataclass(frozen=True)
class Pooled:
    """A column of sequences: which columns of frames it comes from, and the function that pools them.

    pool: from the groups and the columns, a row per frame each, to a row per sequence, sorted by the keys.
    """

    pool: Callable[..., pd.Series]
    columns: tuple[str, ...]

    def of(self, frames: pd.DataFrame, groups: Groups) -> pd.Series:
        """The column, a row per sequence, sorted by the keys."""
        return self.pool(groups, *(frames[name] for name in self.columns))


def over_pixels(value: str, pixels: str) -> Pooled:
    """Mean over the pixels of a region: `value` is each frame's mean over them, `pixels` counts them.

    NaN where a sequence has no such pixel.
    """
    return Pooled(_over_pixels, (value, pixels))


def psnr_over_pixels(mse: str, pixels: str) -> Pooled:
    """PSNR in dB, at most PSNR_CEILING, from the MSE over a region's pixels; see `over_pixels`."""
    return Pooled(_psnr, (mse, pixels))


def above_ceiling(mse: str, pixels: str) -> Pooled:
    """Whether `psnr_over_pixels` was cut to PSNR_CEILING."""
    return Pooled(_above_ceiling, (mse, pixels))


def over_frames(value: str) -> Pooled:
    """Mean over frames; a frame whose score is infinite, such as the PSNR of a frame without error, is left out."""
    return Pooled(_over_frames, (value,))


def total(value: str) -> Pooled:
    """Sum over frames."""
    return Pooled(_total, (value,))


def _over_pixels(groups: Groups, value: pd.Series, pixels: pd.Series) -> pd.Series:
    weight = pixels.where(value.notna(), 0)
    return (value.fillna(0.0) * weight).groupby(groups).sum() / weight.groupby(groups).sum()


def _psnr(groups: Groups, mse: pd.Series, pixels: pd.Series) -> pd.Series:
    pooled = _over_pixels(groups, mse, pixels)
    return pd.Series(np.minimum(psnr(pooled), PSNR_CEILING), pooled.index)


def _above_ceiling(groups: Groups, mse: pd.Series, pixels: pd.Series) -> pd.Series:
    pooled = _over_pixels(groups, mse, pixels)
    return pd.Series(psnr(pooled) > PSNR_CEILING, pooled.index)


def _over_frames(groups: Groups, value: pd.Series) -> pd.Series:
    return value.replace(np.inf, np.nan).groupby(groups).mean()


def _total(groups: Groups, value: pd.Series) -> pd.Series:
    return value.groupby(groups).sum()
