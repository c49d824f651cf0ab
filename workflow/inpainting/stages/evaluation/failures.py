"""Sequences that a method fails on, and those that can't be scored: listed, so that no mean hides them."""

import pandas as pd

from inpainting.artifacts.method_kinds import ADAPTER, BASE, CLASSICAL, EXTERNAL, FLOOR

FAILURES = ("method", "kind", "sequence", "reason", "psnr_mask", "compared")
"""reason: below_input (reads less than grey in the hole), far_below (further below the best classical method than
allowed), capped (no error to speak of, counted as the ceiling of what is counted) or no_hole (no pixel to inpaint, no
score); compared: the PSNR that psnr_mask fell short of, in dB."""

JUDGED = (ADAPTER, BASE, CLASSICAL, EXTERNAL)
"""Kinds of methods that can fail; a floor and a ceiling can't."""


def list_failures(sequences: pd.DataFrame, kinds: dict[str, str], reference: str | None, gap: float) -> pd.DataFrame:
    """Rows with the columns FAILURES, by method and sequence; a sequence may fail a method for several reasons.

    sequences: `metrics.aggregate.per_sequence`, of which the raw output is judged; reference: the best classical
    method; gap: dB that a method may read less than it on a sequence.
    """
    raw = sequences[sequences["output"] == "raw"]
    psnr = raw.pivot(index="sequence", columns="method", values="psnr_mask")
    floor = next((method for method, kind in kinds.items() if kind == FLOOR), None)
    empty = sorted(raw.loc[raw["mask_pixels"] == 0, "sequence"].unique())
    rows: list[tuple[object, ...]] = [("", "", name, "no_hole", None, None) for name in empty]
    for method in sorted(method for method, kind in kinds.items() if kind in JUDGED):
        limits = {} if floor is None else {"below_input": psnr[floor]}
        if reference is not None and method != reference:
            limits["far_below"] = psnr[reference] - gap
        for reason, limit in limits.items():
            short = psnr.index[psnr[method] < limit]
            compared = psnr[floor] if reason == "below_input" else psnr[reference]
            rows += [(method, kinds[method], name, reason, psnr.at[name, method], compared[name]) for name in short]
        capped = raw[(raw["method"] == method) & raw["capped"].astype(bool)]
        rows += [(method, kinds[method], r.sequence, "capped", r.psnr_mask, None) for r in capped.itertuples()]
    table = pd.DataFrame(rows, columns=list(FAILURES)).astype({"psnr_mask": float, "compared": float})
    return table.sort_values(["method", "sequence", "reason"], ignore_index=True)
