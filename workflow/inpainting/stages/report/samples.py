"""The dataset's contact sheet: some of its sequences, each at three moments as input, mask and truth."""

from pathlib import Path

import numpy as np
import pandas as pd

from inpainting.core import seeds
from inpainting.stages.report.contact_sheet import Frame, labelled, overlay, sheet
from inpainting.video import masks, sequence
from inpainting.video.settings import MaskSettings

MOMENTS = ("first", "middle", "last")
KINDS = ("input", "mask", "truth")
WIDTH = 148
"""Pixels of an image on the sheet."""

RANDOM, COLUMNS = 32, 8
"""Images on the sheet of random sequences, and how many in a row."""


def choose(accepted: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` rows of the manifest, from the smallest mean coverage to the largest, evenly by rank."""
    ordered = accepted.sort_values(["coverage_mean", "id"], ignore_index=True)
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return ordered.iloc[places]


def contact_sheet(dataset: Path, chosen: pd.DataFrame, settings: MaskSettings) -> Frame:
    """The chosen sequences as rows; the columns are three moments of input, mask over input, and truth."""
    cells = [
        [
            image
            for moment in spread(row["frames"], len(MOMENTS))
            for image in at_moment(dataset / row["id"], moment, settings)
        ]
        for row in chosen.to_dict("records")
    ]
    columns = [f"{kind}, {moment}" for moment in MOMENTS for kind in KINDS]
    rows = [f"{coverage:.0%}" for coverage in chosen["coverage_mean"]]
    return sheet(cells, columns, rows, WIDTH, group=len(KINDS))


def random_sheet(dataset: Path, accepted: pd.DataFrame, settings: MaskSettings) -> Frame:
    """At most RANDOM sequences, drawn by a hash of their names, each as its middle input frame with the mask on it."""
    ids = sorted(accepted["id"], key=lambda name: seeds.derive(0, "report.random", name))[:RANDOM]
    frames = accepted.set_index("id")["frames"]
    cells = [(name, at_moment(dataset / name, int(frames[name]) // 2, settings)[1]) for name in sorted(ids)]
    return labelled(cells, COLUMNS, WIDTH)


def spread(frames: int, count: int) -> list[int]:
    """Positions of `count` frames (counted from 0), evenly from the first to the last."""
    return [round(place) for place in np.linspace(0, frames - 1, count)]


def at_moment(folder: Path, moment: int, settings: MaskSettings) -> tuple[Frame, Frame, Frame]:
    """Input, input with its hole tinted, and truth of one frame of a sequence."""
    rgb, truth = sequence.read_rgb(folder, moment, 1)[0], sequence.read_truth(folder, moment, 1)[0]
    hole = masks.to_hole(sequence.read_mask(folder, moment, 1), settings)[0]
    return rgb, overlay(rgb, hole), truth
