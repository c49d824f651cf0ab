"""Comparison of methods: means over the same sequences, intervals, and gains over the best classical method."""

import math

import pandas as pd

from inpainting.artifacts.method_kinds import CEILING, CLASSICAL, UNRANKED
from inpainting.metrics.aggregate import Interval, interval_columns, mean_interval, paired_interval
from inpainting.metrics.registry import HEADLINE
from inpainting.metrics.significance import holm, signed_rank

MEAN_COLUMNS = ("sequences", *(name for column in HEADLINE for name in interval_columns(column)))
"""Columns of `mean_scores`."""

COMPARISON = (
    "method",
    "kind",
    *MEAN_COLUMNS,
    *interval_columns("gain"),
    "p_value",
    "p_holm",
    "reference",
    "psnr_band",
    "psnr_frame_composited",
    "seconds_per_frame",
    "capped",
    "without_hole",
    "members",
)
"""MEAN_COLUMNS, psnr_band: of the raw output; _low and _high: ends of the 95 % interval; gain: psnr_mask minus that of
`reference`, the best classical method, over the same sequences, in dB; p_value: of Wilcoxon's signed-rank test of that
difference; p_holm: the same with Holm's correction for all methods of the table; capped: number of sequences whose PSNR
is counted as `psnr.PSNR_CEILING`; without_hole: number of sequences with an empty mask and no score; members: the
results that were averaged, separated by commas."""

STRATA = ("stratum", "value", *COMPARISON)
"""stratum: the property that divides the sequences (see `strata.strata_of`); value: its value in this subset."""


def compare(
    sequences: pd.DataFrame, kinds: dict[str, str], seed: int, members: dict[str, list[str]] | None = None
) -> pd.DataFrame:
    """One row per method with the columns COMPARISON: ceilings first, then by descending PSNR inside the mask.

    sequences: rows of `metrics.aggregate.per_sequence`; kinds: `method_kinds.Kind` by method; members: the results that
    each method's scores were averaged from (`repeats.members_of`); by default its own.
    """
    raw = sequences[sequences["output"] == "raw"]
    psnr = {method: scores.set_index("sequence")["psnr_mask"] for method, scores in raw.groupby("method")}
    reference = best_classical(sequences, kinds)
    rows = []
    for method, kind in kinds.items():
        scores = raw[raw["method"] == method]
        composited = sequences[(sequences["method"] == method) & (sequences["output"] == "composited")]
        gain, p_value = Interval(math.nan, math.nan, math.nan, 0), math.nan
        if reference not in (None, method):
            gain = paired_interval(psnr[method], psnr[reference], seed)
            p_value = signed_rank(psnr[method], psnr[reference]) if kind not in UNRANKED else math.nan
        rows.append(
            {
                "method": method,
                "kind": kind,
                **mean_scores(scores, seed),
                **gain.columns("gain"),
                "p_value": p_value,
                "reference": reference or "",
                "psnr_band": scores["psnr_band"].mean(),
                "psnr_frame_composited": composited["psnr_frame"].mean(),
                "seconds_per_frame": scores["seconds_per_frame"].median(),
                "capped": int(scores["capped"].sum()),
                "without_hole": int((scores["mask_pixels"] == 0).sum()),
                "members": ",".join((members or {}).get(method, [method])),
            }
        )
    table = pd.DataFrame(rows, columns=list(COMPARISON))
    table = table.assign(p_holm=holm(table["p_value"].to_numpy()), ranked=table["kind"] != CEILING)
    order = table.sort_values(["ranked", "psnr_mask", "method"], ascending=[True, False, True], ignore_index=True)
    return order.drop(columns="ranked")


def mean_scores(scores: pd.DataFrame, seed: int) -> dict[str, float]:
    """Means over sequences with intervals, by column of MEAN_COLUMNS; scores: a row per sequence of one method."""
    means = {name: mean_interval(scores[name], seed) for name in HEADLINE}
    columns = {column: value for name, mean in means.items() for column, value in mean.columns(name).items()}
    return {"sequences": means["psnr_mask"].count, **columns}


def best_classical(sequences: pd.DataFrame, kinds: dict[str, str]) -> str | None:
    """The classical method with the highest mean PSNR inside the mask (raw output); None if there is none."""
    raw = sequences[sequences["output"] == "raw"]
    means = raw.groupby("method")["psnr_mask"].mean().dropna()
    classical = means[[method for method in means.index if kinds[method] == CLASSICAL]]
    return str(classical.idxmax()) if len(classical) else None


def compare_strata(
    sequences: pd.DataFrame,
    strata: dict[str, dict[str, set[str]]],
    kinds: dict[str, str],
    seed: int,
    members: dict[str, list[str]] | None = None,
) -> pd.DataFrame:
    """`compare` on each subset of the sequences, with the columns STRATA; empty subsets are left out.

    strata: sequence ids by stratum and value. The reference of a subset is the classical method that is best on it.
    """
    tables = []
    for stratum, values in strata.items():
        for value, names in values.items():
            subset = sequences[sequences["sequence"].isin(names)]
            if len(subset):
                tables.append(compare(subset, kinds, seed, members).assign(stratum=stratum, value=value))
    return pd.concat(tables, ignore_index=True)[list(STRATA)]
