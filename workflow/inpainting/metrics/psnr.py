"""Peak signal-to-noise ratio, and the ceiling that sequences are cut to."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PEAK = 255.0
"""Maximum pixel value."""

PSNR_CEILING = 60.0
"""Maximum PSNR of a sequence in dB. Rounding to 8 bits alone has an MSE of 1/12, which is 58.9 dB: higher values say
nothing about inpainting, and one infinite value would make the mean infinite. The column `capped` marks these."""


def psnr(mse: NDArray[np.float64] | pd.Series | float) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio, 10 log10(255^2 / MSE), in dB: 0..infinity, float64 of the same shape as `mse`.

    mse: 0..255^2, squared grey levels. Infinite for 0, NaN for NaN.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(PEAK**2 / np.asarray(mse, np.float64)))
