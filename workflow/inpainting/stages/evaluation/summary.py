"""Summary of the comparison: numbers for the report, and one sentence."""

import pandas as pd

from inpainting.artifacts.comparison import best_of
from inpainting.artifacts.method_kinds import ADAPTER, BASE, CEILING, CLASSICAL, UNRANKED, display_name
from inpainting.stages.evaluation.verdict import Values, finite, paired_gain, verdict


def summarise(comparison: pd.DataFrame, sequences: pd.DataFrame, split: str, seed: int) -> Values:
    """The fields of `artifacts.results_summary.ResultsSummary`, except `files`, as JSON values.

    comparison: `comparison.compare`; sequences: `metrics.aggregate.per_sequence`; split, seed: as they are stored in
    the summary. The headline method is the best adapter or, without one, the best method. Unknown values are None.
    """
    rows = {kind: _row(best_of(comparison, kind)) for kind in (ADAPTER, CLASSICAL, BASE, CEILING)}
    best = _row(comparison[~comparison["kind"].isin(UNRANKED)].head(1))
    headline = rows["adapter"] or best or rows["ceiling"]
    assert headline is not None
    gains = {name: paired_gain(sequences, headline, rows[name], seed) for name in ("classical", "base")}
    count = int(sequences["sequence"].nunique())
    which = "" if split == "all" else f"{split} "
    with_hole = int(headline["sequences"]) or count  # what its means are of
    scored = f"{with_hole} {which}sequence{'s' * (with_hole != 1)}"
    return {
        "sentence": _sentence(headline, rows, gains, scored),
        "verdict": verdict(sequences, headline, rows["classical"], scored, seed),
        "split": split,
        "sequences": count,
        "seed": seed,
        "best": best,
        **rows,
        "gain_over_classical": gains["classical"],
        "gain_over_base": gains["base"],
        "methods": [finite(row) for row in comparison.to_dict("records")],
    }


def _row(rows: pd.DataFrame) -> Values | None:
    return finite(rows.to_dict("records")[0]) if len(rows) else None


def _sentence(method: Values, rows: dict[str, Values | None], gains: dict[str, Values | None], scored: str) -> str:
    name = display_name(method["method"], method["kind"])
    if trainings := method["members"].count(","):
        name += f" (mean of {trainings + 1} trainings)"
    subject = f"The adapter {name}" if method["kind"] == ADAPTER else f"The best method, {name},"
    if method["psnr_mask"] is None:
        return f"{subject} has no score inside the mask on {scored}: their masks are empty."
    parts = [f"{subject} scores {method['psnr_mask']:.1f} dB PSNR inside the mask on {scored}"]
    classical, ceiling = rows["classical"], rows["ceiling"]
    over_base, over_classical = gains["base"], gains["classical"]
    if over_base is not None and over_base["mean"] is not None:
        parts.append(f", {_difference(over_base)} the base model without fine-tuning")
    if over_classical is not None and classical is not None and over_classical["mean"] is not None:
        reference = display_name(classical["method"], CLASSICAL)
        parts.append(f", {_difference(over_classical)} the best classical baseline ({reference})")
        parts.append(_interval(over_classical))
    if ceiling is not None and ceiling["psnr_mask"] is not None and method["kind"] != CEILING:
        parts.append(f"; the VAE's ceiling is {ceiling['psnr_mask']:.1f} dB")
    return "".join(parts) + "."


def _difference(gain: Values) -> str:
    return f"{abs(gain['mean']):.1f} dB {'above' if gain['mean'] >= 0 else 'below'}"


def _interval(gain: Values) -> str:
    if gain["low"] is None:
        return ""
    interval = f"95 % interval {gain['low']:+.1f} to {gain['high']:+.1f} dB".replace("-", "\N{MINUS SIGN}")
    undecided = gain["low"] <= 0 <= gain["high"]
    return f" ({interval}{', so neither is clearly better' if undecided else ''})"
