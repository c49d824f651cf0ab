"""How much of fills is kept beside what a model made."""

import cv2
import numpy as np
import pytest
from inpainting.baselines.fills import Filled
from inpainting.baselines.settings import Fill, Signal
from inpainting.baselines.trust import SMOOTHING, FillTrust, trusted, uncertainty
from numpy.typing import NDArray

Clip = NDArray[np.uint8]

DRAW = np.random.default_rng(0)
MADE, FILLED, MEDIAN = (DRAW.integers(0, 256, (3, 24, 32, 3), dtype=np.uint8) for _ in range(3))
DOUBT, OTHER_DOUBT = (DRAW.integers(0, 65, (3, 24, 32), dtype=np.uint8) for _ in range(2))
FILLS: dict[Signal, Filled] = {
    "flow_propagation": Filled(FILLED, DOUBT),
    "temporal_median": Filled(MEDIAN, OTHER_DOUBT),
}
HOLE = np.zeros((3, 24, 32), bool)
HOLE[:2, 6:18, 8:20] = True


def odds(filled: Clip, doubt: NDArray[np.uint8], bias: float) -> NDArray[np.float64]:
    """Of the second frame, with a slope of -0.5."""
    difference = cv2.GaussianBlur(filled[1].astype(float) - MADE[1], (0, 0), SMOOTHING)
    distance = np.abs(difference).mean(axis=2)
    return np.exp(bias - 0.5 * np.log((1.0 + doubt[1]) * (1 + distance)))[..., None]


def test_the_hole_gets_the_shares_of_the_fills_and_the_rest_is_left_to_the_bit() -> None:
    kept = FillTrust(slope=-0.5, biases={"flow_propagation": 3.0, "temporal_median": 2.0}).keep(MADE, FILLS, HOLE)
    assert np.array_equal(kept[~HOLE], MADE[~HOLE])
    flow, median = odds(FILLED, DOUBT, 3.0), odds(MEDIAN, OTHER_DOUBT, 2.0)
    expected = (MADE[1] + flow * FILLED[1] + median * MEDIAN[1]) / (1 + flow + median)
    assert np.abs(kept[1] - expected)[HOLE[1]].max() <= 0.51
    alone = FillTrust(slope=-0.5, biases={"flow_propagation": 3.0}).keep(MADE, FILLS, HOLE)
    assert np.abs(alone[1] - (MADE[1] + flow * FILLED[1]) / (1 + flow))[HOLE[1]].max() <= 0.51


@pytest.mark.parametrize(
    ("biases", "whose"), [((200.0, 0.0), FILLED), ((0.0, 200.0), MEDIAN), ((-200.0, -200.0), MADE)]
)
def test_all_of_a_fill_is_kept_or_none_where_it_is_trusted_or_not(biases: tuple[float, float], whose: Clip) -> None:
    names: tuple[Fill, ...] = ("flow_propagation", "temporal_median")
    kept = FillTrust(slope=0, biases=dict(zip(names, biases, strict=True))).keep(MADE, FILLS, HOLE)
    assert np.array_equal(kept, np.where(HOLE[..., None], whose, MADE))


def test_beside_a_fill_the_temporal_median_may_be_kept_and_nothing_beside_the_input_as_it_is() -> None:
    assert trusted("flow_propagation") == ("flow_propagation", "temporal_median")
    assert trusted("temporal_median") == ("temporal_median",)
    assert trusted("rgb") == ()


def test_what_is_only_sharper_is_no_distance() -> None:
    blurred, doubt = cv2.GaussianBlur(FILLED[0], (0, 0), 2), np.zeros((24, 32), np.uint8)
    brighter = np.clip(blurred.astype(int) + 60, 0, 255).astype(np.uint8)
    found = [uncertainty(made, FILLED[0], doubt) for made in (FILLED[0], blurred, MADE[0], brighter)]
    assert not found[0].any()
    assert found[1].mean() < found[2].mean() < found[3].mean()
    doubted = uncertainty(MADE[0], FILLED[0], DOUBT[0])
    assert np.allclose(doubted - found[2], np.log(1.0 + DOUBT[0]), atol=1e-5)
