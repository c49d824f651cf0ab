from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inpainting.importing import resizing

SIDES = st.integers(4, 40)
SIZES = st.tuples(SIDES, SIDES)
SQUARE = Fraction(1)


@settings(max_examples=150, deadline=None)
@given(source=SIZES, target=SIZES, how=st.sampled_from(["crop", "pad", "fit"]), seed=st.integers(0, 999))
def test_no_pixel_outside_the_resized_hole_shows_what_was_in_it(
    source: tuple[int, int], target: tuple[int, int], how: resizing.How, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    hole = rng.random((source[1], source[0])) < 0.1
    picture = rng.integers(0, 256, (*hole.shape, 3), dtype=np.uint8)
    changed = np.where(hole[..., None], rng.integers(0, 256, picture.shape, dtype=np.uint8), picture)
    geometry = resizing.plan(source, SQUARE, target, how)
    different = (geometry.picture(picture) != geometry.picture(changed)).any(axis=-1)
    assert not (different & ~geometry.hole(hole)).any()


@settings(max_examples=100, deadline=None)
@given(source=SIZES, target=SIZES)
def test_frames_and_masks_get_the_size(source: tuple[int, int], target: tuple[int, int]) -> None:
    for how in ("crop", "pad", "fit"):
        geometry = resizing.plan(source, SQUARE, target, how)
        picture = geometry.picture(np.zeros((source[1], source[0], 3), np.uint8))
        hole = geometry.hole(np.ones((source[1], source[0]), bool))
        assert picture.shape[:2] == hole.shape == geometry.size[::-1]
        if how != "fit":
            assert geometry.size == target
        if how != "pad":
            assert hole.all()


def test_one_masked_pixel_is_not_lost_when_a_frame_shrinks() -> None:
    hole = np.zeros((96, 128), bool)
    hole[50, 77] = True
    assert resizing.scale_hole(hole, (16, 16)).sum() >= 1


def test_the_middle_is_cut_and_borders_are_black_and_known() -> None:
    picture = np.full((20, 40, 3), 200, np.uint8)
    picture[:, :10] = picture[:, 30:] = 0
    cut = resizing.plan((40, 20), SQUARE, (20, 20), "crop")
    assert (cut.picture(picture) == 200).all()
    padded = resizing.plan((40, 20), SQUARE, (40, 40), "pad")
    assert (padded.picture(picture)[[0, 9, 30, 39]] == 0).all() and (padded.picture(picture)[10:30] == picture).all()
    assert not padded.hole(np.ones((20, 40), bool))[[0, 9, 30, 39]].any()


def test_pixels_that_are_not_square_become_so() -> None:
    assert resizing.plan((720, 576), Fraction(16, 15), None, "crop").size == (768, 576)


def test_a_frame_of_the_right_size_is_left_to_the_bit() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    for how in ("crop", "pad", "fit"):
        assert np.array_equal(resizing.plan((30, 20), SQUARE, (30, 20), how).picture(picture), picture)


@pytest.mark.parametrize(("other", "same"), [((640, 360), True), ((854, 480), True), ((640, 480), False)])
def test_masks_of_another_shape_are_no_copy_of_the_view(other: tuple[int, int], same: bool) -> None:
    assert resizing.same_view((1920, 1080), other) is same
