"""Methods beside each other: means over the same sequences, their intervals, and gains over the best classical one."""

import math

import pandas as pd

from inpainting.artifacts.method_kinds import CEILING, CLASSICAL
from inpainting.metrics.aggregate import Interval, interval_columns, mean_interval, paired_interval
from inpainting.metrics.registry import HEADLINE
from inpainting.metrics.significance import holm, signed_rank

SCORES = ("sequences", *(name for column in HEADLINE for name in interval_columns(column)))
"""Columns of `mean_scores`."""

COMPARISON = (
    "method",
    "kind",
    *SCORES,
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
"""SCORES, psnr_band: raw output; _low and _high: 95 % interval; gain: difference of psnr_mask to that of
`reference`, the best classical method, over the same sequences, in dB; p_value: of Wilcoxon's signed-rank test of that
difference, p_holm: the same, corrected for all methods of the table; capped: sequences whose PSNR reads the ceiling
that is counted; without_hole: sequences that have no pixel to inpaint and no score; members: the results that were
averaged, by comma."""

STRATA = ("stratum", "value", *COMPARISON)
"""stratum: what sequences are told apart by (see `strata.strata_of`); value: which of its kinds these are."""


def compare(
    sequences: pd.DataFrame, kinds: dict[str, str], seed: int, members: dict[str, list[str]] | None = None
) -> pd.DataFrame:
    """One row per method with the columns COMPARISON: ceilings first, then by the PSNR in the mask, best first.

    sequences: rows of `metrics.aggregate.per_sequence`; kinds: adapter, base, classical, ceiling or floor by method;
    members: the results that a method's scores were averaged from (`repeats.members_of`), where not its own alone.
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
            p_value = signed_rank(psnr[method], psnr[reference]) if kind != CEILING else math.nan
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
    table = table.assign(p_holm=holm(table["p_value"].to_numpy()), below=table["kind"] != CEILING)
    order = table.sort_values(["below", "psnr_mask", "method"], ascending=[True, False, True], ignore_index=True)
    return order.drop(columns="below")


def mean_scores(scores: pd.DataFrame, seed: int) -> dict[str, float]:
    """A method's means over its sequences with their intervals: the columns SCORES; scores: a row per sequence."""
    means = {name: mean_interval(scores[name], seed) for name in HEADLINE}
    columns = {column: value for name, mean in means.items() for column, value in mean.columns(name).items()}
    return {"sequences": means["psnr_mask"].count, **columns}


def best_classical(sequences: pd.DataFrame, kinds: dict[str, str]) -> str | None:
    """The classical method with the best mean PSNR in the mask, raw output; None without any."""
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
    """`compare` on each stratum's sequences alone, with the columns STRATA; strata without a sequence are left out.

    strata: ids of sequences by stratum and value. Each has the classical method that is best in it as its reference.
    """
    tables = []
    for stratum, values in strata.items():
        for value, names in values.items():
            part = sequences[sequences["sequence"].isin(names)]
            if len(part):
                tables.append(compare(part, kinds, seed, members).assign(stratum=stratum, value=value))
    return pd.concat(tables, ignore_index=True)[list(STRATA)]
