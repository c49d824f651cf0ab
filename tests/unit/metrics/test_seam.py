"""A seam is a step at the edge of the fill that the truth has not."""

import cv2
import numpy as np
import pytest
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.metric import Reference
from inpainting.metrics.regions import Regions
from inpainting.metrics.seam import SEAM, score_seam
from inpainting.video.clip import Frames
from numpy.typing import NDArray


@pytest.fixture
def truth() -> Frames:
    """Soft noise, uint8 [2, 32, 32, 3]."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in noise])


@pytest.fixture
def hole(truth: Frames) -> NDArray[np.bool_]:
    hole = np.zeros(truth.shape[:3], np.bool_)
    hole[:, 8:24, 8:24] = True
    return hole


def seam(output: Frames, truth: Frames, hole: NDArray[np.bool_]) -> float:
    assert SEAM.score is not None
    inner = np.zeros_like(hole)  # the mask itself does not count, only what was filled
    scores = SEAM.score(output, Reference(truth, Regions(inner, filled=hole)))
    scores = scores.assign(mask_pixels=hole.sum(axis=(1, 2)), sequence="a")
    return float(per_sequence(scores, keys=("sequence",))["seam_edge"][0])


def test_the_truth_has_none_and_a_brighter_fill_has_one(truth: Frames, hole: NDArray[np.bool_]) -> None:
    assert seam(truth, truth, hole) == 0
    brighter = truth + np.uint8(40) * hole[..., None]
    assert seam(brighter, truth, hole) > 10
    assert seam(truth + np.uint8(40), truth, hole) == pytest.approx(0, abs=0.1), "it is brighter everywhere"


def test_errors_away_from_the_edge_do_not_count(truth: Frames, hole: NDArray[np.bool_]) -> None:
    changed = truth.copy()
    changed[:, 12:20, 12:20] = 0
    changed[:, :4] = 0
    assert seam(changed, truth, hole) == 0


def test_the_steps_are_those_of_neighbours_across_the_edge() -> None:
    grey = np.zeros((1, 5, 5, 3), np.uint8)
    grey[0, 2, 2] = 90
    hole = grey[..., 0] > 0
    assert score_seam(grey, np.zeros_like(grey), hole).to_numpy().tolist() == [[8100, 0, 4]]
    assert score_seam(grey, grey, np.ones_like(hole))["step_edge"].isna().all(), "a hole that is all has no edge"


def test_steps_into_a_shadow_of_the_input_do_not_count(truth: Frames, hole: NDArray[np.bool_]) -> None:
    shaded, effect = truth.copy(), np.zeros_like(hole)
    effect[:, 24:28] = True
    shaded[effect] //= 2
    with_shadow, without = (score_seam(shaded, truth, hole, ignored) for ignored in (None, effect))
    assert (with_shadow["step_edge"] > 2 * with_shadow["step_truth_edge"]).all()
    assert without["step_edge"].equals(without["step_truth_edge"])
    assert (without["edge_pairs"] == 3 * 16).all()
