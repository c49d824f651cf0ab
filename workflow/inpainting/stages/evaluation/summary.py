"""What the comparison says, in numbers for the report and in one plain sentence."""

import math
from typing import Any

import pandas as pd

from inpainting.artifacts.method_kinds import ADAPTER, BASE, CEILING, CLASSICAL, display_name
from inpainting.metrics.aggregate import Interval, paired_interval

Values = dict[str, Any]


def summarise(comparison: pd.DataFrame, sequences: pd.DataFrame, split: str, seed: int) -> Values:
    """The headline as JSON values, without NaN or infinity (None stands for what is not known).

    sentence; split, sequences, seed; best, adapter, classical, base, ceiling: rows of the comparison (the best of their
    kind; best: of all but the ceiling); gain_over_classical, gain_over_base: the headline method's mean, low and high
    in dB; methods: all rows. The headline method is the best adapter, or the best of all where there is none.
    """
    rows = {kind: _best(comparison, kind) for kind in (ADAPTER, CLASSICAL, BASE, CEILING)}
    best = _row(comparison[comparison["kind"] != CEILING].head(1))
    headline = rows["adapter"] or best or rows["ceiling"]
    assert headline is not None
    gains = {name: _gain(sequences, headline, rows[name], seed) for name in ("classical", "base")}
    count = int(sequences["sequence"].nunique())
    which = "" if split == "all" else f"{split} "
    scored = f"{count} {which}sequence{'s' * (count != 1)}"
    return {
        "sentence": _sentence(headline, rows, gains, scored),
        "split": split,
        "sequences": count,
        "seed": seed,
        "best": best,
        **rows,
        "gain_over_classical": gains["classical"],
        "gain_over_base": gains["base"],
        "methods": [finite(row) for row in comparison.to_dict("records")],
    }


def finite(row: Any) -> Values:
    """A row with None for NaN and infinity, which JSON can't say."""
    return {
        str(key): None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()
    }


def _best(comparison: pd.DataFrame, kind: str) -> Values | None:
    return _row(comparison[comparison["kind"] == kind].head(1))


def _row(rows: pd.DataFrame) -> Values | None:
    return finite(rows.to_dict("records")[0]) if len(rows) else None


def _gain(sequences: pd.DataFrame, method: Values, reference: Values | None, seed: int) -> Values | None:
    if reference is None or reference["method"] == method["method"]:
        return None
    raw = sequences[sequences["output"] == "raw"]
    of = {name: scores.set_index("sequence")["psnr_mask"] for name, scores in raw.groupby("method")}
    gain: Interval = paired_interval(of[method["method"]], of[reference["method"]], seed)
    return finite({"mean": gain.mean, "low": gain.low, "high": gain.high})


def _sentence(method: Values, rows: dict[str, Values | None], gains: dict[str, Values | None], where: str) -> str:
    name = display_name(method["method"], method["kind"])
    if trainings := method["members"].count(","):
        name += f" (mean of {trainings + 1} trainings)"
    subject = f"The adapter {name}" if method["kind"] == ADAPTER else f"The best method, {name},"
    if method["psnr_mask"] is None:
        return f"{subject} has no score inside the mask on {where}: they have no pixel to inpaint."
    parts = [f"{subject} reads {method['psnr_mask']:.1f} dB inside the mask on {where}"]
    classical, ceiling = rows["classical"], rows["ceiling"]
    over_base, gain = gains["base"], gains["classical"]
    if over_base is not None and over_base["mean"] is not None:
        parts.append(f", {_difference(over_base)} the untouched base model")
    if gain is not None and classical is not None and gain["mean"] is not None:
        parts.append(
            f", {_difference(gain)} the best classical baseline ({display_name(classical['method'], CLASSICAL)})"
        )
        parts.append(_certainty(gain))
    if ceiling is not None and ceiling["psnr_mask"] is not None and method["kind"] != CEILING:
        parts.append(f"; the VAE's ceiling is {ceiling['psnr_mask']:.1f} dB")
    return "".join(parts) + "."


def _difference(gain: Values) -> str:
    return f"{abs(gain['mean']):.1f} dB {'above' if gain['mean'] >= 0 else 'below'}"


def _certainty(gain: Values) -> str:
    if gain["low"] is None:
        return ""
    interval = f"95 % interval {gain['low']:+.1f} to {gain['high']:+.1f} dB".replace("-", "\N{MINUS SIGN}")
    open_question = gain["low"] <= 0 <= gain["high"]
    return f" ({interval}{', so which is better remains open' if open_question else ''})"
