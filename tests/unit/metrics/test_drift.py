"""Drift is what the fill's mean colour moves against the truth's."""

import numpy as np
import pytest
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.drift import DRIFT, score_drift
from inpainting.metrics.metric import Reference
from inpainting.metrics.regions import Regions
from inpainting.video.clip import Frames
from numpy.typing import NDArray

FRAMES = 6


@pytest.fixture
def truth() -> Frames:
    return np.random.default_rng(0).integers(60, 180, (FRAMES, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def hole(truth: Frames) -> NDArray[np.bool_]:
    hole = np.zeros(truth.shape[:3], np.bool_)
    hole[:, 4:12, 4:12] = True
    return hole


def drift(output: Frames, truth: Frames, hole: NDArray[np.bool_]) -> float:
    assert DRIFT.score is not None
    scores = DRIFT.score(output, Reference(truth, Regions(hole)))
    scores = scores.assign(mask_pixels=hole.sum(axis=(1, 2)), sequence="a")
    return float(per_sequence(scores, keys=("sequence",))["drift_mask"][0])


def test_a_constant_offset_is_none_and_a_growing_one_is_its_deviation(truth: Frames, hole: NDArray[np.bool_]) -> None:
    assert drift(truth + np.uint8(20), truth, hole) == pytest.approx(0, abs=1e-6)
    growing = truth + 4 * np.arange(FRAMES, dtype=np.uint8)[:, None, None, None]
    assert drift(growing, truth, hole) == pytest.approx(np.std(4 * np.arange(FRAMES)))
    red = truth.copy()
    red[..., 0] = growing[..., 0]
    assert drift(red, truth, hole) == pytest.approx(np.std(4 * np.arange(FRAMES)) / np.sqrt(3))


def test_frames_count_by_their_hole_and_only_the_hole_counts(truth: Frames, hole: NDArray[np.bool_]) -> None:
    hole[3:] = False
    changed = truth.copy()
    changed[3:] = 0
    changed[:, :4] = 0
    assert drift(changed, truth, hole) == 0
    assert score_drift(changed, truth, hole).isna().all(axis=1).tolist() == [False] * 3 + [True] * 3
