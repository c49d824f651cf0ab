"""The verdict: whether the headline method is better than the best classical one, in words."""

import math
from typing import Any

import pandas as pd

from inpainting.artifacts.method_kinds import ADAPTER, CLASSICAL, display_name
from inpainting.metrics.aggregate import Interval, paired_interval

Values = dict[str, Any]


def finite(row: Any) -> Values:
    """A row with None in place of NaN and infinity, which JSON does not have."""
    return {
        str(key): None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()
    }


def paired_gain(
    sequences: pd.DataFrame, method: Values, reference: Values | None, seed: int, score: str = "psnr_mask"
) -> Values | None:
    """Mean difference of a score over the same sequences, with its interval, as `results_summary.Gain`; else None."""
    if reference is None or reference["method"] == method["method"]:
        return None
    raw = sequences[sequences["output"] == "raw"]
    of = {name: scores.set_index("sequence")[score] for name, scores in raw.groupby("method")}
    gain: Interval = paired_interval(of[method["method"]], of[reference["method"]], seed)
    return finite({"mean": gain.mean, "low": gain.low, "high": gain.high})


def verdict(sequences: pd.DataFrame, method: Values, reference: Values | None, scored: str, seed: int) -> str:
    """Whether the headline method differs from the best classical one by more than chance, by PSNR and by SSIM.

    scored: the number of sequences in words. "" if there is nothing to compare with.
    """
    if reference is None or reference["method"] == method["method"]:
        return ""
    name = ("the adapter " if method["kind"] == ADAPTER else "") + display_name(method["method"], method["kind"])
    other = f"{display_name(reference['method'], CLASSICAL)}, the best classical method"
    psnr, ssim = (paired_gain(sequences, method, reference, seed, score) for score in ("psnr_mask", "ssim_mask"))
    if psnr is None or psnr["mean"] is None:
        return ""
    by_psnr = _amount(psnr, "{:.1f}", " dB PSNR inside the mask")
    sentence = {
        "": f"with {scored} it cannot be said whether {name} is better than {other}: the mean difference is {by_psnr}.",
        "even": f"{name} and {other}, are not distinguishable on {scored}: the difference is {by_psnr}.",
        "better": f"{name} is better than {other}, by {by_psnr} on {scored}.",
        "worse": f"{name} is worse than {other}, by {by_psnr} on {scored}.",
    }[_outcome(psnr)]
    if ssim and _outcome(ssim) not in ("", _outcome(psnr)):
        by_ssim = _amount(ssim, "{:.3f}", "")
        sentence += {
            "even": f" By SSIM they are not distinguishable: the difference is {by_ssim}.",
            "better": f" By SSIM it is better, by {by_ssim}.",
            "worse": f" By SSIM it is worse, by {by_ssim}.",
        }[_outcome(ssim)]
    return sentence[0].upper() + sentence[1:]


def _outcome(gain: Values) -> str:
    """Better, worse, or even if the interval holds 0; "" without an interval."""
    if gain["low"] is None:
        return ""
    return "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "even"


def _amount(gain: Values, form: str, unit: str) -> str:
    """The difference with its interval: as amounts if its sign is known, else signed."""
    outcome, ends = _outcome(gain), [gain["low"], gain["high"]]
    if outcome in ("better", "worse"):
        low, high = sorted(map(abs, ends))
        return f"{form.format(abs(gain['mean']))}{unit} (95 % interval {form.format(low)} to {form.format(high)})"
    signed = form.replace(":", ":+").format
    interval = f" (95 % interval {signed(ends[0])} to {signed(ends[1])})" if outcome else ""
    return f"{signed(gain['mean'])}{unit}{interval}".replace("-", "\N{MINUS SIGN}")
