"""Methods beside each other: means over the same sequences, their intervals, and gains over the best classical one."""

import math
from typing import Any

import pandas as pd

from inpainting.metrics.aggregate import Interval, mean_interval, paired_interval

COMPARISON = (
    "method",
    "kind",
    "sequences",
    "psnr_mask",
    "psnr_mask_low",
    "psnr_mask_high",
    "ssim_mask",
    "ssim_mask_low",
    "ssim_mask_high",
    "gain",
    "gain_low",
    "gain_high",
    "reference",
    "psnr_band",
    "psnr_frame_composited",
    "seconds_per_frame",
    "capped",
    "without_hole",
)
"""psnr_mask, ssim_mask, psnr_band: raw output; _low and _high: 95 % interval; gain: difference of psnr_mask to that of
`reference`, the best classical method, over the same sequences, in dB; capped: sequences whose PSNR reads the ceiling
that is counted; without_hole: sequences that have no pixel to inpaint and no score."""

STRATA = ("stratum", "value", *COMPARISON)
"""stratum: what sequences are told apart by (camera, mask); value: still or moving; small, medium or large."""


def compare(sequences: pd.DataFrame, kinds: dict[str, str], seed: int) -> pd.DataFrame:
    """One row per method with the columns COMPARISON: ceilings first, then by the PSNR in the mask, best first.

    sequences: rows of `metrics.aggregate.per_sequence`; kinds: adapter, base, classical, ceiling or floor by method.
    """
    raw = sequences[sequences["output"] == "raw"]
    psnr = {method: scores.set_index("sequence")["psnr_mask"] for method, scores in raw.groupby("method")}
    reference = best_classical(sequences, kinds)
    rows = []
    for method, kind in kinds.items():
        scores = raw[raw["method"] == method]
        composited = sequences[(sequences["method"] == method) & (sequences["output"] == "composited")]
        gain = Interval(math.nan, math.nan, math.nan, 0)
        if reference not in (None, method):
            gain = paired_interval(psnr[method], psnr[reference], seed)
        in_mask = mean_interval(psnr[method], seed)
        rows.append(
            {
                "method": method,
                "kind": kind,
                "sequences": in_mask.count,
                **_spread("psnr_mask", in_mask),
                **_spread("ssim_mask", mean_interval(scores["ssim_mask"], seed)),
                **_spread("gain", gain),
                "reference": reference or "",
                "psnr_band": scores["psnr_band"].mean(),
                "psnr_frame_composited": composited["psnr_frame"].mean(),
                "seconds_per_frame": scores["seconds_per_frame"].median(),
                "capped": int(scores["capped"].sum()),
                "without_hole": int((scores["mask_pixels"] == 0).sum()),
            }
        )
    table = pd.DataFrame(rows, columns=list(COMPARISON)).assign(below=lambda t: t["kind"] != "ceiling")
    order = table.sort_values(["below", "psnr_mask", "method"], ascending=[True, False, True], ignore_index=True)
    return order.drop(columns="below")


def best_classical(sequences: pd.DataFrame, kinds: dict[str, str]) -> str | None:
    """The classical method with the best mean PSNR in the mask, raw output; None without any."""
    raw = sequences[sequences["output"] == "raw"]
    means = raw.groupby("method")["psnr_mask"].mean().dropna()
    classical = means[[method for method in means.index if kinds[method] == "classical"]]
    return str(classical.idxmax()) if len(classical) else None


def compare_strata(
    sequences: pd.DataFrame, strata: dict[str, dict[str, set[str]]], kinds: dict[str, str], seed: int
) -> pd.DataFrame:
    """`compare` on each stratum's sequences alone, with the columns STRATA; strata without a sequence are left out.

    strata: ids of sequences by stratum and value. Each has the classical method that is best in it as its reference.
    """
    tables = []
    for stratum, values in strata.items():
        for value, names in values.items():
            part = sequences[sequences["sequence"].isin(names)]
            if len(part):
                tables.append(compare(part, kinds, seed).assign(stratum=stratum, value=value))
    return pd.concat(tables, ignore_index=True)[list(STRATA)]


def _spread(name: str, interval: Interval) -> dict[str, Any]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
