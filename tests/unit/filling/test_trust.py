"""How much of a fill is kept beside what a model made."""

import cv2
import numpy as np
import pytest
from inpainting.filling.trust import SMOOTHING, FillTrust, uncertainty
from numpy.typing import NDArray

Clip = NDArray[np.uint8]

DRAW = np.random.default_rng(0)
MADE, FILLED = (DRAW.integers(0, 256, (3, 24, 32, 3), dtype=np.uint8) for _ in range(2))
DOUBT = DRAW.integers(0, 65, (3, 24, 32), dtype=np.uint8)
HOLE = np.zeros((3, 24, 32), bool)
HOLE[:2, 6:18, 8:20] = True


def test_the_hole_gets_the_share_of_the_fill_and_the_rest_is_left_to_the_bit() -> None:
    trust = FillTrust(bias=3.0, slope=-0.5)
    kept = trust.keep(MADE, FILLED, DOUBT, HOLE)
    assert np.array_equal(kept[~HOLE], MADE[~HOLE])
    difference = FILLED[1].astype(float) - MADE[1]
    distance = np.abs(cv2.GaussianBlur(difference, (0, 0), SMOOTHING)).mean(axis=2)
    share = 1 / (1 + np.exp(-(3.0 - 0.5 * np.log((1.0 + DOUBT[1]) * (1 + distance)))))
    assert 0.1 < share.min() < share.max() < 0.9
    expected = MADE[1] + share[..., None] * difference
    assert np.abs(kept[1] - expected)[HOLE[1]].max() <= 0.51


@pytest.mark.parametrize(("bias", "whose"), [(200.0, FILLED), (-200.0, MADE)])
def test_all_of_the_fill_is_kept_or_none_where_it_is_trusted_or_not(bias: float, whose: Clip) -> None:
    kept = FillTrust(bias=bias, slope=0).keep(MADE, FILLED, DOUBT, HOLE)
    assert np.array_equal(kept, np.where(HOLE[..., None], whose, MADE))


def test_what_is_only_sharper_is_no_distance() -> None:
    blurred, doubt = cv2.GaussianBlur(FILLED[0], (0, 0), 2), np.zeros((24, 32), np.uint8)
    brighter = np.clip(blurred.astype(int) + 60, 0, 255).astype(np.uint8)
    found = [uncertainty(made, FILLED[0], doubt) for made in (FILLED[0], blurred, MADE[0], brighter)]
    assert not found[0].any()
    assert found[1].mean() < found[2].mean() < found[3].mean()
    doubted = uncertainty(MADE[0], FILLED[0], DOUBT[0])
    assert np.allclose(doubted - found[2], np.log(1.0 + DOUBT[0]), atol=1e-5)
