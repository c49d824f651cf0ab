"""Peak signal-to-noise ratio, and how high it is counted."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PEAK = 255.0
"""The largest value a pixel can have."""

PSNR_CEILING = 60.0
"""A sequence's PSNR is counted up to this many dB. Rounding to 8 bits alone makes an error of 58.9 dB (an MSE of 1/12):
what lies above says nothing about inpainting, and infinity would swallow the mean. `capped` counts such sequences."""


def psnr(mse: NDArray[np.float64] | pd.Series | float) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE): infinite for 0, NaN for NaN."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(PEAK**2 / np.asarray(mse, np.float64)))
