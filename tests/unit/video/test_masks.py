"""From mask images to holes, and from pixels to the latent grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings


def empty_hole(frames: int = 9, height: int = 16, width: int = 24) -> Hole:
    return np.zeros((frames, height, width), bool)


@pytest.mark.parametrize(("frame", "cell"), [(0, 0), (1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 2)])
def test_the_first_frame_is_a_cell_of_its_own_and_the_rest_go_in_fours(frame: int, cell: int) -> None:
    hole = empty_hole()
    hole[frame] = True
    expected = np.zeros(3)
    expected[cell] = 1
    assert masks.latent_any(hole, 8, 4).max(axis=(1, 2)).tolist() == expected.tolist()
    assert masks.latent_area(hole, 8, 4).mean(axis=(1, 2)).tolist() == (expected / (1 if frame == 0 else 4)).tolist()


def test_a_mask_of_one_pixel_in_one_frame_is_not_lost() -> None:
    hole = empty_hole()
    hole[6, 13, 7] = True
    found = masks.latent_any(hole, 8, 4)
    assert np.argwhere(found).tolist() == [[2, 1, 0]]
    area = masks.latent_area(hole, 8, 4)
    assert np.argwhere(area).tolist() == [[2, 1, 0]]
    assert area.sum() == np.float32(1 / (4 * 8 * 8))


@settings(max_examples=50, deadline=None)
@given(arrays(bool, (9, 16, 24)))
def test_area_is_the_share_of_hole_pixels_and_any_is_where_it_is_not_zero(hole: Hole) -> None:
    area = masks.latent_area(hole, 8, 4)
    for cell, frames in enumerate((slice(0, 1), slice(1, 5), slice(5, 9))):
        for row in range(2):
            for column in range(3):
                pixels = hole[frames, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
                assert area[cell, row, column] == pytest.approx(pixels.mean(), abs=1e-6)
    assert np.array_equal(masks.latent_any(hole, 8, 4), (area > 0).astype(np.float32))


@pytest.mark.parametrize("shape", [(8, 16, 16), (9, 12, 16), (9, 16, 20)])
def test_holes_that_do_not_fall_on_the_latent_grid_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="grid"):
        masks.latent_any(np.zeros(shape, bool), 8, 4)
    with pytest.raises(ValueError, match="grid"):
        masks.latent_area(np.zeros(shape, bool), 8, 4)


def test_pixels_of_the_threshold_and_above_are_hole() -> None:
    stored = np.array([[[0, 127, 128, 255]]], np.uint8)
    assert masks.to_hole(stored, MaskSettings()).tolist() == [[[False, False, True, True]]]
    assert masks.to_hole(stored, MaskSettings(mask_threshold=1)).tolist() == [[[False, True, True, True]]]
    assert masks.to_hole(stored, MaskSettings(mask_threshold=255)).tolist() == [[[False, False, False, True]]]


def test_inverted_masks_are_hole_below_the_threshold() -> None:
    stored = np.array([[[0, 127, 128, 255]]], np.uint8)
    assert masks.to_hole(stored, MaskSettings(mask_invert=True)).tolist() == [[[True, True, False, False]]]


@pytest.mark.parametrize("radius", [1, 2, 5, 11])
def test_dilation_grows_the_hole_by_the_radius_and_no_further(radius: int) -> None:
    hole = empty_hole(3, 48, 48)
    hole[1, 24, 20] = True
    grown = masks.dilate(hole, radius)
    assert not grown[[0, 2]].any()
    rows, columns = np.nonzero(grown[1])
    assert (rows.min(), rows.max()) == (24 - radius, 24 + radius)
    assert (columns.min(), columns.max()) == (20 - radius, 20 + radius)
    distance = np.hypot(rows - 24, columns - 20)
    assert distance.max() < radius + 1
    inside = np.hypot(*(np.mgrid[:48, :48] - np.array([24, 20])[:, None, None])) <= radius - 1
    assert grown[1][inside].all()


@settings(max_examples=30, deadline=None)
@given(arrays(bool, (13, 3, 4)), st.integers(0, 5), st.integers(0, 4))
def test_a_union_over_a_group_less_one_contains_the_vaes_group_wherever_a_window_begins(
    hole: Hole, reach: int, start: int
) -> None:
    united = masks.unite(hole, reach)
    by_hand = [hole[max(0, frame - reach) : frame + reach + 1].any(axis=0) for frame in range(len(hole))]
    assert np.array_equal(united, by_hand)
    assert np.array_equal(united, list(masks.united(iter(hole), reach)))
    for first in range(start + 1, start + 9, reach + 1):
        group = slice(first, min(first + reach + 1, start + 9))
        assert (united[group] >= hole[group].any(axis=0)).all()


def test_the_hole_that_is_inpainted_is_united_then_dilated() -> None:
    stored = np.zeros((5, 8, 8), np.uint8)
    stored[2, 4, 4] = 255
    hole = masks.inpainted(stored, MaskSettings(mask_union=1, mask_dilation=1))
    assert hole.sum(axis=(1, 2)).tolist() == [0, 5, 5, 5, 0]


def test_dilation_by_zero_pixels_is_a_copy() -> None:
    hole = empty_hole()
    hole[:, 3:5, 4:9] = True
    same = masks.dilate(hole, 0)
    assert np.array_equal(same, hole)
    assert not np.shares_memory(same, hole)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40).flatmap(lambda width: arrays(bool, (3, 4, width))))
def test_packed_holes_come_back_at_any_width(hole: Hole) -> None:
    width = hole.shape[2]
    assert np.array_equal(masks.unpack(masks.pack(hole), width), hole)
    assert masks.unpack(masks.pack(hole)).shape == (3, 4, -(-width // 8) * 8)
    assert np.array_equal(masks.unpack(np.packbits(hole, axis=-1), width), hole), "as shards held it before"
