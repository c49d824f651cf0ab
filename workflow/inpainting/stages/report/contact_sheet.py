"""Grids of captioned images: contact sheets, and the frames of side-by-side clips."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inpainting.core.figures import GREY, INK
from inpainting.core.files import atomic_path

Frame = NDArray[np.uint8]
"""An image, uint8 [height, width, 3]."""

GAP = 6
"""Pixels between images."""

HOLE_COLOUR = (255, 45, 149)
HOLE_OPACITY = 0.55


def overlay(image: Frame, hole: NDArray[np.bool_]) -> Frame:
    """The image with the hole, bool [height, width], tinted and outlined; uint8 [height, width, 3]."""
    colour = np.array(HOLE_COLOUR, np.float32)
    tinted = np.where(hole[..., None], (1 - HOLE_OPACITY) * image + HOLE_OPACITY * colour, image)
    return outline(tinted.round().astype(np.uint8), hole)


def outline(image: Frame, hole: NDArray[np.bool_], width: int = 1) -> Frame:
    """The image with the hole's edge drawn `width` pixels wide; hole: bool [height, width], result: as `image`."""
    edge = hole & ~cv2.erode(hole.astype(np.uint8), np.ones((2 * width + 1, 2 * width + 1), np.uint8)).astype(bool)
    return np.where(edge[..., None], np.array(HOLE_COLOUR, np.uint8), image)


def text_height(size: int) -> int:
    """Height of a line of text in pixels; size: of the font, in pixels."""
    return round(size * 1.7)


def grid_sheet(
    cells: Sequence[Sequence[Frame]], columns: Sequence[str], rows: Sequence[str], width: int, group: int = 0
) -> Frame:
    """A grid of images, uint8 [height, width, 3], with headings above the columns and to the left of the rows.

    cells: images by row and column; width: pixels that each image is scaled to; group: a wider gap follows every
    `group` columns (0: no wider gaps).
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


def captioned_sheet(cells: Sequence[tuple[str, Frame]], columns: int, width: int) -> Frame:
    """A grid of images, uint8 [height, width, 3], each with its caption above.

    cells: captions and images in reading order; columns: images per row; width: pixels that each image is scaled to.
    """
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


def write_sheet(path: Path, sheet: Frame) -> None:
    """Write a sheet as JPEG, atomically: a fifth of a PNG's size, for a report that is one file."""
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary, "JPEG", quality=90, subsampling=0)


def _page(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def _scaled_height(image: Frame, width: int) -> int:
    return round(image.shape[0] * width / image.shape[1])


def _scaled(image: Frame, width: int, height: int) -> Image.Image:
    return Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)


def _text_size(width: int) -> int:
    """Font size for images of a width: 11 to 15 pixels."""
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
    """Write text to the right of `x`, vertically centred on `middle`; text wider than `width` ends in an ellipsis."""
    short = text
    while short and _text_width(short, size, bold) > width:
        short = short.removesuffix("…")[:-1] + "…" if len(short) > 2 else ""
    pen.text((x, middle), short, font=_font(size, bold), fill=colour, anchor="lm")
