"""results/tables/comparison.tsv and strata.tsv: the methods beside each other. Written by `inpaint tables`.

comparison.tsv has a row per method, ceilings first, then the best by PSNR in the mask; strata.tsv has such rows for
every kind of sequences, which stratum (camera, mask, shadow, median) and value (still, moving, ...) name. Columns:
    method, kind        see `artifacts.method_kinds`
    sequences           that were scored in the mask
    psnr_mask           dB, ssim_mask: means of the raw output; _low and _high: 95 % interval
    reference           the best classical method, which the others are compared with; empty without one
    capped              sequences whose PSNR is counted as the highest that is counted
    without_hole        sequences that have no pixel to inpaint and no score
    members             the results that were averaged, by comma
and numbers that people alone read: what else was scored, gains over the reference, their tests, seconds per frame.
"""

from inpainting.artifacts.formats import TextTable

TABLES_VERSION = 3
"""Raised by hand when the tables' numbers or form change on purpose: what another version made is made anew."""

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
    _COLUMNS, wanted="the comparison.tsv of `inpaint tables`", witness="summary.json", others="float64"
)

STRATA_TABLE = TextTable(
    {"stratum": "str", "value": "str", **_COLUMNS},
    wanted="the strata.tsv of `inpaint tables`",
    witness="summary.json",
    others="float64",
)


def stratum_heading(stratum: str, value: str, count: int) -> str:
    """A part of the strata as a person reads it, with its number of sequences."""
    names = {
        "shadow": f"{value} shadow",
        "median": f"temporal median {value}",
    }
    text = names.get(stratum, f"{value} {stratum}")
    return f"{text.capitalize()} ({count} sequence{'s' * (count != 1)})"
