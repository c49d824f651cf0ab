"""How far a fill is doubted: by its errors round the hole."""

from functools import partial
from typing import get_args

import numpy as np
import pytest
from inpainting.baselines.doubt import MOST, RING, doubt
from inpainting.baselines.fills import fill, fill_with_doubt
from inpainting.baselines.flow_propagation import find_motion, flow_propagation
from inpainting.baselines.per_frame import masked_input, telea
from inpainting.baselines.registry import FILLS
from inpainting.baselines.settings import Fill, Signal
from inpainting.baselines.temporal_median import temporal_median
from inpainting.video.masks import Hole
from numpy.typing import NDArray

Clip = NDArray[np.uint8]


@pytest.fixture
def clip() -> Clip:
    """A clip of noise: uint8 [9, 48, 64, 3]."""
    return np.random.default_rng(0).integers(0, 256, (9, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def hole() -> Hole:
    """A box of 10 x 10 that moves by 4 pixels a frame."""
    box = np.zeros((9, 48, 64), np.bool_)
    for frame in range(9):
        box[frame, 18:28, 8 + 4 * frame : 18 + 4 * frame] = True
    return box


def test_a_fill_that_is_right_is_not_doubted(clip: Clip, hole: Hole) -> None:
    still = np.repeat(clip[:1], 9, axis=0)
    assert not doubt(still, hole, temporal_median).any()
    assert doubt(still, hole, telea)[hole].min() > 20


def test_a_fill_is_doubted_by_its_error_round_the_hole(hole: Hole) -> None:
    clip = np.full((9, 48, 64, 3), 100, np.uint8)

    def wrong(rgb: Clip, tried: Hole) -> Clip:
        """By 5 levels in the first frame's upper half, by 30 in the lower, and by more than counts in the second."""
        filled = rgb.copy()
        filled[0, :23], filled[0, 23:] = 105, 70
        filled[1] = 100 + MOST + 50
        return np.where(tried[..., None], filled, rgb)

    found = doubt(clip, hole, wrong)
    assert not found[~hole].any()
    first = found[0, 18:28, 8:18]
    assert first[0].max() <= 8 and first[-1].min() >= 25
    assert (np.diff(first[:, 5].astype(int)) >= 0).all()
    assert (found[1][hole[1]] == MOST).all()
    assert not found[2:].any()


def test_only_a_ring_round_the_hole_is_tried(clip: Clip, hole: Hole) -> None:
    tried: list[Hole] = []

    def remembered(rgb: Clip, asked: Hole) -> Clip:
        tried.append(asked)
        return rgb

    assert not doubt(clip, hole, remembered).any()
    (asked,) = tried
    assert asked[hole].all()
    assert asked[0, 22, 8 - RING] and not asked[0, 22, 8 - RING - 1]


def test_where_nothing_can_be_tried_the_doubt_is_greatest(clip: Clip, hole: Hole) -> None:
    hole[3] = True
    hole[5] = False
    found = doubt(clip, hole, temporal_median)
    assert (found[3] == MOST).all()
    assert not found[5].any()
    assert not doubt(clip, np.zeros_like(hole), telea).any()


@pytest.mark.parametrize("signal", get_args(Signal))
def test_the_doubt_of_every_signal_is_blind_to_the_hole(clip: Clip, hole: Hole, signal: Signal) -> None:
    changed = np.where(hole[..., None], 255 - clip, clip)
    found, other = (fill_with_doubt(rgb, hole, signal) for rgb in (clip, changed))
    assert np.array_equal(found.doubt, other.doubt)
    assert np.array_equal(found.clip, fill(clip, hole, signal))
    if signal in ("grey", "rgb"):
        assert (found.doubt == np.where(hole, MOST if signal == "grey" else 0, 0)).all()


def test_the_motion_that_a_fill_was_made_by_is_the_one_that_it_is_tried_by(clip: Clip, hole: Hole) -> None:
    """All that moves is known but in the hole and its ring, whose motion is not looked at."""
    moving = np.stack([np.roll(clip[0], 2 * frame, axis=1) for frame in range(9)])
    found = fill_with_doubt(moving, hole, "flow_propagation")
    by = partial(flow_propagation, motion=find_motion(masked_input(moving, hole), hole))
    assert np.array_equal(found.clip, flow_propagation(moving, hole))
    assert np.array_equal(found.doubt, doubt(moving, hole, by))


def test_every_other_fill_is_tried_by_itself(clip: Clip, hole: Hole) -> None:
    for name in get_args(Fill):
        if name not in ("grey", "flow_propagation"):
            assert np.array_equal(fill_with_doubt(clip, hole, name).doubt, doubt(clip, hole, FILLS[name].fill))
