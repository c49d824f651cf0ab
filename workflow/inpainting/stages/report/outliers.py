"""Outliers: sequences with problems that the audit found, and those with the most extreme measurements."""

from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from inpainting.artifacts.manifest import accepted
from inpainting.stages.report.contact_sheet import Frame

VISIBLE_REASONS = ("other_scene", "shifted_truth", "shifted_mask", "other_colours", "full_mask", "empty_mask")
"""Reasons for rejection that can be seen in the frames."""

EXTREMES = (
    ("coverage_mean", True, "largest mask"),
    ("coverage_mean", False, "smallest mask"),
    ("effect_share", True, "most changed outside"),
    ("difference_inside", False, "least changed inside"),
    ("mask_motion", True, "fastest mask"),
    ("camera_motion", True, "fastest camera"),
)
"""Column of the manifest, whether its largest (else smallest) value is taken, and the caption."""

MAX_OUTLIERS, MAX_PER_REASON = 12, 2

DIFFERENCE_GAIN = 4
"""Factor by which the difference is amplified."""


class Outlier(NamedTuple):
    """A sequence and the reason why it is shown."""

    id: str
    reason: str


def find_outliers(manifest: pd.DataFrame) -> list[Outlier]:
    """The first sequences of each visible reason and warning, then the accepted ones with extreme measurements.

    manifest: all sequences, accepted and rejected. No sequence is listed twice.
    """
    found: dict[str, Outlier] = {}
    readable = manifest[manifest["frames"] > 0]
    codes = ";" + readable["reasons"] + ";" + readable["warnings"] + ";"
    warnings = set(readable["warnings"].str.split(";").explode()) - {""}
    for code in [*VISIBLE_REASONS, *sorted(warnings)]:
        matching = readable[codes.str.contains(f";{code};", regex=False)].head(MAX_PER_REASON)
        for name in matching["id"]:
            found.setdefault(name, Outlier(name, code.replace("_", " ")))
    rows = accepted(readable)
    for column, largest, caption in EXTREMES:
        others = rows[~rows["id"].isin(found)].dropna(subset=[column])
        for name in others.sort_values([column, "id"], ascending=not largest)["id"].head(1):
            found[name] = Outlier(name, caption)
    return list(found.values())[:MAX_OUTLIERS]


def amplified_difference(rgb: Frame, truth: Frame) -> Frame:
    """|rgb - truth| times DIFFERENCE_GAIN, uint8 [height, width, 3] as both."""
    return (DIFFERENCE_GAIN * cv2.absdiff(rgb, truth).astype(np.uint16)).clip(0, 255).astype(np.uint8)
