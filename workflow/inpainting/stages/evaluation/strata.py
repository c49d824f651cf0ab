"""Subsets of the sequences by what makes them hard: camera motion, mask size, shadows, score of the temporal median."""

from typing import Any

import pandas as pd

from inpainting.core.errors import InputError
from inpainting.stages.evaluation.settings import TablesSettings

Strata = dict[str, dict[str, set[str]]]
"""Sequence ids by stratum and value."""

MEDIAN = "temporal_median"


def strata_of(manifest: pd.DataFrame, sequences: pd.DataFrame, settings: TablesSettings) -> Strata:
    """The strata of all scored sequences: camera, mask, shadow and, if the temporal median was scored, median.

    manifest: as the audit wrote it; sequences: `metrics.aggregate.per_sequence`. A sequence with an unknown measurement
    (such as camera motion, for a single frame) is in no subset of that stratum. Raises InputError for a sequence that
    is not in the manifest.
    """
    names = set(sequences["sequence"])
    rows = manifest[manifest["id"].isin(names)].set_index("id")
    absent = sorted(names - set(rows.index))
    if absent:
        raise InputError(
            f"the manifest has no row of {absent[0]}; give the manifest that the methods were evaluated with"
        )
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
    strata = {
        name: {value: set(rows.index[where]) for value, where in values.items()} for name, values in chosen.items()
    }
    median = sequences[(sequences["method"] == MEDIAN) & (sequences["output"] == "raw")].set_index("sequence")
    if len(median):
        weak = median["psnr_mask"] < settings.median_weak_below
        strong = median["psnr_mask"] >= settings.median_weak_below
        strata["median"] = {"weak": set(median.index[weak]), "strong": set(median.index[strong])}
    return strata


def strata_caption(settings: TablesSettings) -> str:
    """The thresholds between the subsets, in a sentence."""
    return (
        f"Still cameras move less than {settings.still_below:g} pixels a frame; small masks cover less than "
        f"{100 * settings.small_below:g} % of the frames, large ones {100 * settings.large_from:g} % or more; much "
        f"shadow: input and truth differ in {100 * settings.shadow_from:g} % or more of the pixels outside the mask; "
        f"the temporal median is weak where it scores less than {settings.median_weak_below:g} dB PSNR inside the "
        "mask, and strong elsewhere."
    )
