"""Sequences told apart by what makes them hard: camera motion, mask size, shadows, and how far a median gets."""

from typing import Any

import pandas as pd

from inpainting.core.errors import InputError
from inpainting.stages.evaluation.settings import TablesSettings

Strata = dict[str, dict[str, set[str]]]
"""Ids of sequences by stratum and value."""

MEDIAN = "temporal_median"


def strata_of(manifest: pd.DataFrame, sequences: pd.DataFrame, settings: TablesSettings) -> Strata:
    """The strata of all scored sequences: camera, mask, shadow, and median where the temporal median was scored.

    manifest: as the audit wrote it; sequences: `metrics.aggregate.per_sequence`. A sequence of which something is not
    known, such as the camera's motion of a single frame, is in neither part. Raises InputError for one that the
    manifest does not have.
    """
    names = set(sequences["sequence"])
    rows = manifest[manifest["id"].isin(names)].set_index("id")
    absent = sorted(names - set(rows.index))
    if absent:
        raise InputError(f"the manifest has no row of {absent[0]}; give the one that the methods were evaluated with")
    motion, size, shadow = rows["camera_motion"], rows["coverage_mean"], rows["effect_share"]
    chosen: dict[str, dict[str, Any]] = {
        "camera": {"still": motion < settings.still_below, "moving": motion >= settings.still_below},
        "mask": {
            "small": size < settings.small_below,
            "medium": (size >= settings.small_below) & (size < settings.large_from),
            "large": size >= settings.large_from,
        },
        "shadow": {"little": shadow < settings.shadow_from, "much": shadow >= settings.shadow_from},
    }
    strata = {name: {value: set(rows.index[where]) for value, where in parts.items()} for name, parts in chosen.items()}
    median = sequences[(sequences["method"] == MEDIAN) & (sequences["output"] == "raw")].set_index("sequence")
    if len(median):
        weak = median["psnr_mask"] < settings.median_weak_below
        strong = median["psnr_mask"] >= settings.median_weak_below
        strata["median"] = {"weak": set(median.index[weak]), "strong": set(median.index[strong])}
    return strata


def description(settings: TablesSettings) -> str:
    """Where one part ends and the next begins."""
    return (
        f"Still cameras move less than {settings.still_below:g} pixels a frame; small masks cover less than "
        f"{100 * settings.small_below:g} % of the frames, large ones {100 * settings.large_from:g} % or more; much "
        f"shadow: input and truth differ in {100 * settings.shadow_from:g} % or more of the pixels outside the mask; "
        f"the temporal median is weak where it reads under {settings.median_weak_below:g} dB in the mask, strong "
        "elsewhere."
    )
