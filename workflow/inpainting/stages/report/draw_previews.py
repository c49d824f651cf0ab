"""`inpaint draw-previews`: the previews of a training over its steps, as one strip per sequence."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.core.files import atomic_path
from inpainting.stages.report.contact_sheet import Frame, grid_sheet
from inpainting.stages.report.samples import evenly_spaced
from inpainting.stages.report.settings import DrawPreviewsCommand

PREFIX = "preview/"
WIDTH = 200
"""Pixels of each picture's width."""


def draw_previews(settings: DrawPreviewsCommand) -> None:
    """Write a sheet with a row per sequence: input, mask, outputs of evenly spaced previews, truth."""
    TrainingSummary.read(settings.training, "--training")
    sheet = previews_sheet(logged_previews(settings.training.parent / "tensorboard"), settings.shown)
    with atomic_path(settings.png) as temporary:
        Image.fromarray(sheet).save(temporary, "PNG")


def logged_previews(folder: Path) -> dict[str, dict[int, Frame]]:
    """The pictures that a training logged to TensorBoard, by sequence and step; none if there were no previews.

    Each is uint8 [height, 4 * width, 3]: input, mask, output and truth side by side.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    tags = [tag for tag in board.Tags()["images"] if tag.startswith(PREFIX)]
    return {
        tag.removeprefix(PREFIX): {
            event.step: np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("RGB"))
            for event in board.Images(tag)
        }
        for tag in tags
    }


def previews_sheet(previews: dict[str, dict[int, Frame]], shown: int) -> Frame:
    """The strips, uint8 [height, width, 3]; shown: at most so many previews, the first and the last among them."""
    if not previews:
        blank = np.full((1, WIDTH, 3), 255, np.uint8)
        return grid_sheet([[blank]], ["no previews were logged"], [""], WIDTH)
    logged = sorted(set.intersection(*(set(pictures) for pictures in previews.values())))
    steps = [logged[place] for place in sorted(set(evenly_spaced(len(logged), shown)))]
    rows = []
    for pictures in previews.values():
        given, mask, _, truth = np.split(pictures[steps[0]], 4, axis=1)
        outputs = [np.split(pictures[step], 4, axis=1)[2] for step in steps]
        rows.append([given, mask, *outputs, truth])
    columns = ["input", "mask", *(f"step {step:,}" for step in steps), "truth"]
    return grid_sheet(rows, columns, [""] * len(rows), WIDTH)
