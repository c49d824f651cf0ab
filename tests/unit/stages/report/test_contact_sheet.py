"""Grids of images, and the tinted mask."""

import numpy as np
from inpainting.stages.report.contact_sheet import HOLE_COLOUR, captioned_sheet, grid_sheet, overlay


def test_only_the_hole_is_tinted() -> None:
    image = np.full((9, 9, 3), 100, np.uint8)
    hole = np.zeros((9, 9), bool)
    hole[2:7, 2:7] = True
    tinted = overlay(image, hole)
    assert (tinted[~hole] == 100).all()
    assert tuple(tinted[2, 2]) == HOLE_COLOUR
    assert tuple(tinted[4, 4]) != (100, 100, 100)


def test_images_are_placed_on_a_grid() -> None:
    colours = [np.full((6, 8, 3), value, np.uint8) for value in (10, 60, 110, 160)]
    page = grid_sheet([colours[:2], colours[2:]], ["a", "b"], ["r", "s"], width=80)
    assert [page[40, 60, 0], page[40, 150, 0], page[110, 60, 0], page[110, 150, 0]] == [10, 60, 110, 160]
    tiles = captioned_sheet([(str(number), image) for number, image in enumerate(colours)], 2, width=80)
    assert [tiles[45, 40, 0], tiles[45, 130, 0], tiles[125, 40, 0], tiles[125, 130, 0]] == [10, 60, 110, 160]


def test_a_caption_that_is_too_long_is_cut_off() -> None:
    image = np.zeros((6, 8, 3), np.uint8)
    page = captioned_sheet([("a name that is far too long for a small image", image), ("", image)], 2, width=80)
    assert (page[:18, 90:] == 255).all()
