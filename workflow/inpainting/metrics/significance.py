"""Whether two methods differ on the same sequences by more than chance, also where many are compared."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from inpainting.metrics.aggregate import INTERVAL_FROM


def signed_rank(values: pd.Series, reference: pd.Series) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test on `values - reference`, both indexed by sequence.

    It asks nothing of how the differences are spread but that they are symmetric. Sequences without a value are left
    out; NaN with fewer than INTERVAL_FROM, which could show nothing; 1 where no sequence differs.
    F. Wilcoxon: Individual comparisons by ranking methods, Biometrics Bulletin 1(6), 1945.
    """
    differences = (values - reference.reindex(values.index)).dropna().to_numpy(np.float64)
    if len(differences) < INTERVAL_FROM:
        return float("nan")
    if not differences.any():
        return 1.0
    return float(wilcoxon(differences).pvalue)


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values corrected for there being many: below 0.05 all of them together are wrong once in 20 times at most.

    NaN stays NaN and does not count. S. Holm: A simple sequentially rejective multiple test procedure, 1979.
    """
    given = np.asarray(p_values, np.float64)
    corrected = np.full(len(given), np.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    steps = given[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
