"""Contact sheets of the dataset: sequences by mask size, each at three moments, and random sequences."""

from pathlib import Path

import numpy as np
import pandas as pd

from inpainting.core import seeds
from inpainting.stages.report.contact_sheet import Frame, captioned_sheet, grid_sheet, overlay
from inpainting.stages.report.settings import DrawDatasetCommand
from inpainting.video import masks, sequence

MOMENTS = ("first", "middle", "last")
KINDS = ("input", "mask", "truth")
WIDTH = 148
"""Width of an image on the sheet, in pixels."""

RANDOM_COUNT, RANDOM_COLUMNS = 32, 8
"""Number of random sequences, and images per row of their sheet."""


def choose_by_coverage(accepted: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` rows of the manifest, evenly spaced by rank from the smallest to the largest mean coverage."""
    ordered = accepted.sort_values(["coverage_mean", "id"], ignore_index=True)
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return ordered.iloc[places]


def contact_sheet(dataset: Path, chosen: pd.DataFrame, settings: DrawDatasetCommand) -> Frame:
    """A row per chosen sequence: input, mask over the input, and truth at each of MOMENTS."""
    cells = [
        [
            image
            for moment in evenly_spaced(row["frames"], len(MOMENTS))
            for image in read_frame(dataset / row["id"], moment, settings)
        ]
        for row in chosen.to_dict("records")
    ]
    columns = [f"{kind}, {moment}" for moment in MOMENTS for kind in KINDS]
    rows = [f"{coverage:.0%}" for coverage in chosen["coverage_mean"]]
    return grid_sheet(cells, columns, rows, WIDTH, group=len(KINDS))


def random_sheet(dataset: Path, accepted: pd.DataFrame, settings: DrawDatasetCommand) -> Frame:
    """At most RANDOM_COUNT sequences, chosen by a hash of their ids: the middle input frame with the mask tinted."""
    ids = sorted(accepted["id"], key=lambda name: seeds.derive(0, "report.random", name))[:RANDOM_COUNT]
    frames = accepted.set_index("id")["frames"]
    cells = [(name, read_frame(dataset / name, int(frames[name]) // 2, settings)[1]) for name in sorted(ids)]
    return captioned_sheet(cells, RANDOM_COLUMNS, WIDTH)


def evenly_spaced(frames: int, count: int) -> list[int]:
    """Indices of `count` frames, from 0, evenly spaced from the first to the last."""
    return [round(place) for place in np.linspace(0, frames - 1, count)]


def read_frame(folder: Path, index: int, settings: DrawDatasetCommand) -> tuple[Frame, Frame, Frame]:
    """Input, input with the hole tinted, and truth of one frame (counted from 0) of a sequence."""
    rgb, truth = (read(folder, index, 1, settings.folders)[0] for read in (sequence.read_rgb, sequence.read_truth))
    hole = masks.to_hole(sequence.read_mask(folder, index, 1, settings.folders), settings)[0]
    return rgb, overlay(rgb, hole), truth
