"""The sequences that a person should look at: those the audit doubts, and the farthest from the usual."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from inpainting.artifacts.manifest import accepted
from inpainting.stages.report.contact_sheet import Frame, labelled
from inpainting.stages.report.samples import at_moment
from inpainting.video.settings import MaskSettings

DOUBTED = ("other_scene", "shifted_truth", "other_colours", "full_mask", "empty_mask")
"""Reasons to reject a sequence that can be seen in its frames."""

EXTREMES = (
    ("coverage_mean", True, "largest mask"),
    ("coverage_mean", False, "smallest mask"),
    ("effect_share", True, "most changed outside"),
    ("difference_inside", False, "least changed inside"),
    ("mask_motion", True, "fastest mask"),
    ("camera_motion", True, "fastest camera"),
)
"""Column of the manifest, whether its largest value is meant, and what that is called."""

MOST, OF_EACH = 12, 2
"""Rows at most, and sequences at most of each reason."""

WIDTH = 260
"""Pixels of an image on the sheet."""

GAIN = 4
"""By how much the difference is made stronger."""


class Suspect(NamedTuple):
    """A sequence, and why it is shown."""

    id: str
    why: str
    frames: int


def find_suspects(manifest: pd.DataFrame) -> list[Suspect]:
    """The first sequences of each doubt, then the accepted ones that are extreme in a measure; none twice."""
    found: dict[str, Suspect] = {}
    seen = manifest[manifest["frames"] > 0]
    codes = ";" + seen["reasons"] + ";" + seen["warnings"] + ";"
    warnings = set(seen["warnings"].str.split(";").explode()) - {""}
    for code in [*DOUBTED, *sorted(warnings)]:
        doubted = seen[codes.str.contains(f";{code};", regex=False)].head(OF_EACH)
        for name, frames in zip(doubted["id"], doubted["frames"], strict=True):
            found.setdefault(name, Suspect(name, code.replace("_", " "), frames))
    rows = accepted(seen)
    for column, largest, why in EXTREMES:
        others = rows[~rows["id"].isin(found)].dropna(subset=[column])
        for row in others.sort_values([column, "id"], ascending=not largest).head(1).to_dict("records"):
            found[row["id"]] = Suspect(row["id"], why, row["frames"])
    return list(found.values())[:MOST]


def suspects_sheet(dataset: Path, suspects: list[Suspect], settings: MaskSettings) -> Frame:
    """A row per suspect: input, mask over the input, truth, and their difference GAIN times, of the middle frame."""
    cells = []
    for suspect in suspects:
        rgb, masked, truth = at_moment(dataset / suspect.id, suspect.frames // 2, settings)
        difference = (GAIN * cv2.absdiff(rgb, truth).astype(np.uint16)).clip(0, 255).astype(np.uint8)
        names = (f"{suspect.why}:", suspect.id, "truth", f"difference, {GAIN} times")
        cells += list(zip(names, (rgb, masked, truth, difference), strict=True))
    return labelled(cells, 4, WIDTH)
