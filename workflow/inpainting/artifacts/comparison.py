"""results/tables/comparison.tsv and strata.tsv: comparison of the methods. Written by `inpaint tables`.

comparison.tsv has one row per method: ceilings first, then by PSNR in the mask, best first. strata.tsv has such rows
for each subset of the sequences, named by stratum (camera, mask, shadow, median) and value (still, moving, ...).
Columns:
    method, kind            see `artifacts.method_kinds`
    sequences               number of sequences with a score in the mask
    psnr_mask, ssim_mask    means of the raw output, PSNR in dB; _low and _high: 95 % interval
    reference               the best classical method, which the others are compared with; empty without one
    capped                  sequences whose PSNR was cut to `metrics.psnr.PSNR_CEILING`
    without_hole            sequences without a pixel to inpaint, which have no score
    members                 the results that were averaged, separated by commas
and further numbers that no step reads: other scores, gains over the reference and their p-values, seconds per frame.
"""

import pandas as pd

from inpainting.artifacts.formats import TextTable

TABLES_VERSION = 6
"""Raised by hand when the tables' numbers or form change on purpose; tables of another version are made again."""

_COLUMNS = {
    "method": "str",
    "kind": "str",
    "sequences": "int64",
    "psnr_mask": "float64",
    "psnr_mask_low": "float64",
    "psnr_mask_high": "float64",
    "ssim_mask": "float64",
    "ssim_mask_low": "float64",
    "ssim_mask_high": "float64",
    "reference": "str",
    "capped": "int64",
    "without_hole": "int64",
    "members": "str",
}

COMPARISON_TABLE = TextTable(
    _COLUMNS, wanted="the comparison.tsv of `inpaint tables`", digest_file="summary.json", others="float64"
)

STRATA_TABLE = TextTable(
    {"stratum": "str", "value": "str", **_COLUMNS},
    wanted="the strata.tsv of `inpaint tables`",
    digest_file="summary.json",
    others="float64",
)


def best_of(comparison: pd.DataFrame, *kinds: str) -> pd.DataFrame:
    """The row of the best method of the first of these kinds that was compared; no row if there is none."""
    for kind in kinds:
        if (comparison["kind"] == kind).any():
            return comparison[comparison["kind"] == kind].head(1)
    return comparison.head(0)


def stratum_heading(stratum: str, value: str, count: int) -> str:
    """Heading of one subset of the sequences, with their number."""
    names = {
        "shadow": f"{value} shadow",
        "median": f"temporal median {value}",
    }
    text = names.get(stratum, f"{value} {stratum}")
    return f"{text.capitalize()} ({count} sequence{'s' * (count != 1)})"
