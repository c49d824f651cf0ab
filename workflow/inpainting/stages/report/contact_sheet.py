"""Images beside and below each other, with their names: contact sheets and the frames of side-by-side clips."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inpainting.core.figures import GREY, INK

Frame = NDArray[np.uint8]
"""An image, uint8 [height, width, 3]."""

GAP = 6
"""Pixels between images."""

HOLE_COLOUR = (255, 45, 149)
HOLE_OPACITY = 0.55


def overlay(image: Frame, hole: NDArray[np.bool_]) -> Frame:
    """The image with its hole, bool [height, width], tinted and outlined."""
    colour = np.array(HOLE_COLOUR, np.float32)
    tinted = np.where(hole[..., None], (1 - HOLE_OPACITY) * image + HOLE_OPACITY * colour, image)
    edge = hole & ~cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return np.where(edge[..., None], colour, tinted).round().astype(np.uint8)


def text_height(size: int) -> int:
    """Height in pixels of a line of text."""
    return round(size * 1.7)


def sheet(
    cells: Sequence[Sequence[Frame]], columns: Sequence[str], rows: Sequence[str], width: int, group: int = 0
) -> Frame:
    """Images in rows, all scaled to `width`; names of the columns above, names of the rows at the left.

    A wider gap follows every `group` columns, where it is given.
    """
    size = _text_size(width)
    height = _scaled_height(cells[0][0], width)
    margin = max((_text_width(name, size) for name in rows), default=0)
    left, top = GAP + (margin + 2 * GAP if margin else 0), text_height(size)
    xs = [left + n * (width + GAP) + (n // group * 2 * GAP if group else 0) for n in range(len(columns))]
    page = _page(xs[-1] + width + GAP, top + len(rows) * (height + GAP))
    pen = ImageDraw.Draw(page)
    for x, name in zip(xs, columns, strict=True):
        _write(pen, x, top / 2, name, size, width, bold=True)
    for number, (name, images) in enumerate(zip(rows, cells, strict=True)):
        y = top + number * (height + GAP)
        _write(pen, GAP, y + height / 2, name, size, margin, colour=GREY)
        for x, image in zip(xs, images, strict=True):
            page.paste(_scaled(image, width, height), (x, y))
    return np.asarray(page)


def labelled(cells: Sequence[tuple[str, Frame]], columns: int, width: int) -> Frame:
    """Images in reading order, `columns` in a row, all scaled to `width`, each with its own name above it."""
    size = _text_size(width)
    height, line = _scaled_height(cells[0][1], width), text_height(_text_size(width))
    rows = -(-len(cells) // columns)
    page = _page(columns * (width + GAP) + GAP, rows * (height + line) + GAP)
    pen = ImageDraw.Draw(page)
    for number, (name, image) in enumerate(cells):
        x = GAP + number % columns * (width + GAP)
        y = number // columns * (height + line)
        _write(pen, x, y + line / 2, name, size, width, bold=True)
        page.paste(_scaled(image, width, height), (x, y + line))
    return np.asarray(page)


def _page(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def _scaled_height(image: Frame, width: int) -> int:
    return round(image.shape[0] * width / image.shape[1])


def _scaled(image: Frame, width: int, height: int) -> Image.Image:
    return Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)


def _text_size(width: int) -> int:
    """Text that goes with images of a width: 11 to 15 pixels."""
    return min(max(width // 18, 11), 15)


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _text_width(text: str, size: int, bold: bool = False) -> int:
    return round(_font(size, bold).getlength(text))


def _write(
    pen: ImageDraw.ImageDraw,
    x: float,
    middle: float,
    text: str,
    size: int,
    width: int,
    bold: bool = False,
    colour: str = INK,
) -> None:
    """Write text from `x` on, centred on the height `middle`; an end that would not fit gives way to an ellipsis."""
    short = text
    while short and _text_width(short, size, bold) > width:
        short = short.removesuffix("…")[:-1] + "…" if len(short) > 2 else ""
    pen.text((x, middle), short, font=_font(size, bold), fill=colour, anchor="lm")
