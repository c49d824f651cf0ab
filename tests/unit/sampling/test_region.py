"""The region around a hole is large enough, on the grid, and pasted back at its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inpainting.sampling.region import FEATHER, Region


def test_the_bounding_box_is_tight() -> None:
    hole = np.zeros((20, 30), bool)
    hole[5, 7] = hole[11, 22] = True
    assert Region.around(hole) == Region(5, 7, 12, 23)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 199), st.integers(0, 199), st.integers(1, 100), st.integers(1, 100))
def test_an_enlarged_region_holds_the_box_is_within_the_frame_and_large_enough(
    top: int, left: int, height: int, width: int
) -> None:
    frame = (300, 300)
    box = Region(top, left, top + height, left + width)
    region = box.enlarged((128, 96), frame, 16)
    assert 0 <= region.left <= box.left and box.right <= region.right <= 300
    assert 0 <= region.top <= box.top and box.bottom <= region.bottom <= 300
    for side, least in zip(region.size, (128, 96), strict=True):
        assert side >= least and (side % 16 == 0 or side == 300)
    assert region.size[0] >= min(2 * width, 288)


def test_a_small_frame_is_used_whole() -> None:
    assert Region(3, 3, 9, 9).enlarged((128, 96), (40, 36), 16) == Region.whole((40, 36))


@pytest.mark.parametrize("region", [Region(0, 0, 60, 60), Region(20, 24, 80, 100), Region(40, 60, 100, 120)])
def test_pasting_fades_only_at_edges_inside_the_frame(region: Region) -> None:
    picture, part = np.zeros((100, 120, 3), np.uint8), np.full((*region.size[::-1], 3), 200, np.uint8)
    pasted = region.paste(part, picture)[..., 0].astype(int)
    inside = region.cut(pasted)
    assert inside.sum() == pasted.sum()
    assert inside[region.size[1] // 2, region.size[0] // 2] == 200
    middle = inside[region.size[1] // 2]
    if region.left:
        assert middle[0] == round(200 / (FEATHER + 1))
        assert (np.diff(middle[:FEATHER]) > 0).all()
    else:
        assert (middle[: region.size[0] // 2] == 200).all()
    if region.right == 120:
        assert middle[-1] == 200
    assert not picture.any()
