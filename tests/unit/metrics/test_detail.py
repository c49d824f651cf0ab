"""Detail tells a blurred fill from a sharp one, whatever its pixels are."""

import cv2
import numpy as np
import pytest
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.detail import DETAIL, score_detail
from inpainting.metrics.metric import Reference
from inpainting.metrics.regions import Regions
from inpainting.video.clip import Frames


@pytest.fixture
def truth() -> Frames:
    """Noise, uint8 [3, 32, 32, 3]."""
    return np.random.default_rng(0).integers(60, 196, (3, 32, 32, 3), dtype=np.uint8)


def detail(output: Frames, truth: Frames, hole: np.ndarray) -> float:
    reference = Reference(truth, Regions(hole))
    assert DETAIL.score is not None
    scores = DETAIL.score(output, reference).assign(mask_pixels=hole.sum(axis=(1, 2)), sequence="a")
    return float(per_sequence(scores, keys=("sequence",))["detail_mask"][0])


def test_the_truth_has_all_of_it_and_so_has_other_content_as_sharp(truth: Frames) -> None:
    hole = np.zeros(truth.shape[:3], np.bool_)
    hole[:, 8:24, 8:24] = True
    assert detail(truth, truth, hole) == 0
    assert detail(truth[:, ::-1, ::-1], truth, hole) == pytest.approx(0, abs=0.5)


def test_blur_loses_detail_and_noise_adds_some(truth: Frames) -> None:
    hole = np.zeros(truth.shape[:3], np.bool_)
    hole[:, 8:24, 8:24] = True
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 1) for frame in truth])
    assert detail(blurred, truth, hole) < -6
    assert detail(truth, blurred, hole) > 6


def test_only_the_hole_counts_and_a_frame_without_one_has_no_score(truth: Frames) -> None:
    hole = np.zeros(truth.shape[:3], np.bool_)
    hole[0, 8:24, 8:24] = True
    changed = truth.copy()
    changed[1:] = 0
    changed[0, 26:] = 0
    assert detail(changed, truth, hole) == 0
    scores = score_detail(changed, truth, hole)
    assert scores.notna().all(axis=1).tolist() == [True, False, False]


def test_the_energy_is_that_of_the_four_neighbour_laplacian() -> None:
    dot = np.zeros((1, 9, 9, 3), np.uint8)
    dot[0, 4, 4] = 100
    hole = np.ones((1, 9, 9), np.bool_)
    expected = (400**2 + 4 * 100**2) / 81
    scores = score_detail(dot, np.zeros_like(dot), hole)
    assert scores.to_dict("records") == [{"laplacian_mask": pytest.approx(expected), "laplacian_truth_mask": 0.0}]


def test_a_flat_fill_of_a_flat_truth_is_as_sharp() -> None:
    flat, hole = np.full((2, 8, 8, 3), 90, np.uint8), np.ones((2, 8, 8), np.bool_)
    assert detail(flat + 3, flat, hole) == 0
