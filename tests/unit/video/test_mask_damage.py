"""Damage of masks."""

import numpy as np
import pytest
from inpainting.video.mask_damage import eroded, half_damaged


def test_of_eight_masks_two_are_empty_two_are_smaller_and_four_are_as_they_were() -> None:
    hole = np.zeros((8, 40, 40), bool)
    hole[:, 10:30, 10:30] = True
    damaged = half_damaged(hole, np.random.default_rng(0))
    areas = sorted(int(mask.sum()) for mask in damaged)
    assert areas[:2] == [0, 0]
    assert 0 < areas[2] == areas[3] < 400
    assert areas[4:] == [400] * 4
    assert not (damaged & ~hole).any()
    assert hole.sum() == 8 * 400


def test_which_masks_are_damaged_depends_on_the_generator_alone() -> None:
    hole = np.ones((40, 8, 8), bool)
    one, again, other = (half_damaged(hole, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("radius", [3, 12, 20])
def test_a_disc_is_eroded_by_a_quarter_of_its_radius(radius: int) -> None:
    row, column = np.mgrid[-25:26, -25:26]
    disc = row**2 + column**2 <= radius**2
    left = eroded(disc).sum() / disc.sum()
    assert left == pytest.approx(0.75**2, abs=0.15)


def test_an_empty_mask_stays_empty() -> None:
    assert not eroded(np.zeros((8, 8), bool)).any()
