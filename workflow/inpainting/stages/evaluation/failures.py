"""List of the sequences that a method fails on and of those without a score, so that no mean hides them."""

import pandas as pd

from inpainting.artifacts.method_kinds import ADAPTER, BASE, CLASSICAL, EXTERNAL, FLOOR

FAILURES = ("method", "kind", "sequence", "reason", "psnr_mask", "compared")
"""reason: below_input (scores lower than a grey fill), far_below (scores lower than the best classical method by more
than a gap), capped (almost no error, counted as `psnr.PSNR_CEILING`) or no_hole (empty mask, no score); compared: the
PSNR that psnr_mask is lower than, in dB."""

CHECKED_KINDS = (ADAPTER, BASE, CLASSICAL, EXTERNAL)
"""Kinds of methods that are checked for failures: all but floor and ceiling."""


def list_failures(sequences: pd.DataFrame, kinds: dict[str, str], reference: str | None, gap: float) -> pd.DataFrame:
    """Rows with the columns FAILURES, sorted by method and sequence; a sequence may be listed for several reasons.

    sequences: `metrics.aggregate.per_sequence`, of which the raw output is checked; reference: the best classical
    method; gap: how many dB a method may score below it on a sequence.
    """
    raw = sequences[sequences["output"] == "raw"]
    psnr = raw.pivot(index="sequence", columns="method", values="psnr_mask")
    floor = next((method for method, kind in kinds.items() if kind == FLOOR), None)
    empty = sorted(raw.loc[raw["mask_pixels"] == 0, "sequence"].unique())
    rows: list[tuple[object, ...]] = [("", "", name, "no_hole", None, None) for name in empty]
    for method in sorted(method for method, kind in kinds.items() if kind in CHECKED_KINDS):
        limits = {} if floor is None else {"below_input": psnr[floor]}
        if reference is not None and method != reference:
            limits["far_below"] = psnr[reference] - gap
        for reason, limit in limits.items():
            failed = psnr.index[psnr[method] < limit]
            compared = psnr[floor] if reason == "below_input" else psnr[reference]
            rows += [(method, kinds[method], name, reason, psnr.at[name, method], compared[name]) for name in failed]
        capped = raw[(raw["method"] == method) & raw["capped"].astype(bool)]
        rows += [(method, kinds[method], r.sequence, "capped", r.psnr_mask, None) for r in capped.itertuples()]
    table = pd.DataFrame(rows, columns=list(FAILURES)).astype({"psnr_mask": float, "compared": float})
    return table.sort_values(["method", "sequence", "reason"], ignore_index=True)
