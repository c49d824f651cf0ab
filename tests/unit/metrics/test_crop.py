"""The square around a hole has a third of its side around it, as far as the frame goes."""

import numpy as np
import pytest
from inpainting.metrics.crop import square_around


def rectangle(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    hole = np.zeros((100, 160), np.bool_)
    hole[top:bottom, left:right] = True
    return hole


@pytest.mark.parametrize(
    "hole, rows, columns",
    [
        ((40, 52, 60, 72), (36, 56), (56, 76)),
        ((40, 46, 60, 72), (33, 53), (56, 76)),
        ((0, 12, 60, 72), (0, 12), (60, 72)),
        ((2, 14, 60, 72), (0, 16), (58, 74)),
        ((10, 20, 0, 160), (0, 100), (0, 100)),
    ],
    ids=["a square", "a wide hole", "at the border", "near the border", "wider than the frame is high"],
)
def test_it_is_widened_by_a_third_within_the_frame(
    hole: tuple[int, int, int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    square = square_around(rectangle(*hole))
    assert square is not None
    assert [(part.start, part.stop) for part in square] == [rows, columns]


def test_an_empty_hole_has_none() -> None:
    assert square_around(rectangle(0, 0, 0, 0)) is None
