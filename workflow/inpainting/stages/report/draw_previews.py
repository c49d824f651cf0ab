"""`inpaint draw-previews`: the previews of a training over its steps, as one strip per sequence."""

import numpy as np

from inpainting.artifacts.preview_pictures import PreviewPicture, read_previews
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.stages.report.contact_sheet import Frame, grid_sheet, write_sheet
from inpainting.stages.report.samples import evenly_spaced
from inpainting.stages.report.settings import DrawPreviewsCommand

WIDTH = 200
"""Pixels of each picture's width."""


def draw_previews(settings: DrawPreviewsCommand) -> None:
    """Write a sheet with a row per sequence: input, mask, outputs of evenly spaced previews, truth."""
    TrainingSummary.read(settings.training, "--training")
    previews = read_previews(settings.training.parent / "tensorboard")
    write_sheet(settings.jpg, previews_sheet(previews, settings.shown))


def previews_sheet(previews: dict[str, dict[int, PreviewPicture]], shown: int) -> Frame:
    """The strips, uint8 [height, width, 3]; shown: at most so many previews, the first and the last among them."""
    if not previews:
        blank = np.full((1, WIDTH, 3), 255, np.uint8)
        return grid_sheet([[blank]], ["no previews were logged"], [""], WIDTH)
    logged = sorted(set.intersection(*(set(pictures) for pictures in previews.values())))
    steps = [logged[place] for place in sorted(set(evenly_spaced(len(logged), shown)))]
    rows = []
    for pictures in previews.values():
        first = pictures[steps[0]]
        rows.append([first.rgb, first.mask, *(pictures[step].output for step in steps), first.truth])
    columns = ["input", "mask", *(f"step {step:,}" for step in steps), "truth"]
    return grid_sheet(rows, columns, [""] * len(rows), WIDTH)
