import numpy as np
from inpainting.baselines.flow_propagation import complete, propagate


def test_a_flow_that_is_known_everywhere_is_left_as_it_is() -> None:
    flow = np.random.default_rng(0).normal(size=(20, 30, 2)).astype(np.float32)
    assert np.array_equal(complete(flow, np.ones((20, 30), np.bool_)), flow)


def test_a_flow_is_continued_under_a_hole_and_kept_outside_it() -> None:
    row, column = np.indices((40, 50), dtype=np.float32)
    flow = np.stack([0.1 * column, 0.05 * row], axis=-1)
    known = np.ones((40, 50), np.bool_)
    known[14:26, 18:30] = False
    completed = complete(np.where(known[..., None], flow, np.float32(99)), known)
    assert np.array_equal(completed[known], flow[known])
    assert np.abs(completed - flow)[~known].max() < 0.6


def test_a_constant_flow_stays_constant_whatever_is_unknown() -> None:
    known = np.random.default_rng(0).random((17, 23)) < 0.1
    completed = complete(np.where(known[..., None], np.float32(2.5), np.float32(-9)).repeat(2, axis=-1), known)
    assert np.allclose(completed, 2.5, atol=1e-4)


def test_a_flow_of_which_nothing_is_known_is_zero() -> None:
    flow = np.full((8, 9, 2), 5, np.float32)
    assert (complete(flow, np.zeros((8, 9), np.bool_)) == 0).all()


def test_pixels_that_no_frame_shows_remain_in_the_hole() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3)).astype(np.uint8)
    hole = np.zeros((4, 12, 12), np.bool_)
    hole[:, 3:6, 3:6] = True
    hole[1, 8, 8] = True
    filled, remaining = propagate(clip, hole)
    assert remaining[:, 3:6, 3:6].all()
    assert remaining.sum() == 4 * 9
    expected = (clip[0, 8, 8].astype(int) + clip[2, 8, 8]) / 2
    assert np.abs(filled[1, 8, 8] - expected).max() <= 0.5


def test_a_nearer_frame_weighs_more() -> None:
    clip = np.zeros((5, 12, 12, 3), np.uint8)
    clip[0], clip[4] = 200, 100
    hole = np.zeros((5, 12, 12), np.bool_)
    hole[1:4, 6, 6] = True
    filled, remaining = propagate(clip, hole)
    assert not remaining.any()
    assert filled[1, 6, 6].tolist() == [175] * 3
    assert filled[3, 6, 6].tolist() == [125] * 3
