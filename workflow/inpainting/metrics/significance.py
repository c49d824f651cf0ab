"""Significance tests of differences between methods, with a correction for multiple comparisons."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from inpainting.metrics.aggregate import MIN_SEQUENCES


def signed_rank(values: pd.Series, reference: pd.Series) -> float:
    """Two-sided p-value, 0..1, of Wilcoxon's signed-rank test on `values - reference`, both indexed by sequence.

    The test assumes only that the differences are distributed symmetrically. Sequences with NaN are dropped. Returns
    NaN for fewer than MIN_SEQUENCES sequences, 1 if no sequence differs.
    F. Wilcoxon: Individual comparisons by ranking methods, Biometrics Bulletin 1(6), 1945.
    """
    differences = (values - reference.reindex(values.index)).dropna().to_numpy(np.float64)
    if len(differences) < MIN_SEQUENCES:
        return float("nan")
    if not differences.any():
        return 1.0
    return float(wilcoxon(differences).pvalue)


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm-Bonferroni correction of p-values for multiple tests: float64 [tests] in 0..1.

    Rejecting all hypotheses with a corrected p below 0.05 makes any false rejection with a probability of at most 0.05.
    NaN stays NaN and does not count as a test. S. Holm: A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6(2), 1979.
    """
    given = np.asarray(p_values, np.float64)
    corrected = np.full(len(given), np.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    steps = given[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
