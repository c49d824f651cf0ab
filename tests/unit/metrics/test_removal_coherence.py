"""RC-S and RC-T are what the paper defines, computed here window by window from distances."""

import math

import cv2
import numpy as np
import pytest
import torch
from inpainting.core.errors import InputError
from inpainting.metrics.metric import Reference
from inpainting.metrics.networks import Networks
from inpainting.metrics.regions import Regions
from inpainting.metrics.removal_coherence import parts, rc_s, rc_t, score_coherence
from inpainting.metrics.settings import WeightsSettings
from inpainting.video.clip import Frames
from numpy.typing import NDArray

HOLE = (slice(60, 120), slice(80, 140))
SQUARE = (slice(40, 140), slice(60, 160))


@pytest.fixture
def clip() -> Frames:
    """Two frames of soft noise, uint8 [2, 180, 220, 3]."""
    rng = np.random.default_rng(0)
    return np.stack([cv2.GaussianBlur(rng.integers(0, 256, (180, 220, 3), dtype=np.uint8), (0, 0), 3) for _ in "ab"])


@pytest.fixture
def hole() -> NDArray[np.bool_]:
    hole = np.zeros((2, 180, 220), np.bool_)
    hole[(slice(None), *HOLE)] = True
    return hole


def tokens(networks: Networks, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """DINOv2's tokens of the square: [32, 32, width]."""
    scaled = cv2.resize(image[SQUARE], (448, 448)).astype(np.float32) / 255
    scaled = ((scaled - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])).astype(np.float32)
    with torch.inference_mode():
        found = networks.dinov2(pixel_values=torch.from_numpy(scaled).permute(2, 0, 1)[None]).last_hidden_state
    return found[0, 1:].reshape(32, 32, -1).double().numpy()


def covered(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which tokens the hole touches: bool [32, 32]."""
    scaled = cv2.resize(hole[SQUARE].astype(np.uint8), (448, 448), interpolation=cv2.INTER_NEAREST)
    return np.array([[scaled[14 * y : 14 * y + 14, 14 * x : 14 * x + 14].any() for x in range(32)] for y in range(32)])


def discrepancy(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """1000 times the squared maximum mean discrepancy by a Gaussian kernel of bandwidth 10."""
    a, b = (values / np.linalg.norm(values, axis=1, keepdims=True) for values in (a, b))

    def kernel(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
        return float(np.exp(-((left[:, None] - right[None]) ** 2).sum(axis=2) / 200).mean())

    return 1000 * (kernel(a, a) + kernel(b, b) - 2 * kernel(a, b))


def test_rc_s_compares_the_hole_with_its_surroundings_in_each_window(
    networks: Networks, clip: Frames, hole: NDArray[np.bool_]
) -> None:
    for frame in range(2):
        inside, features, values = covered(hole[frame]), tokens(networks, clip[frame]), []
        for y in range(0, 25, 4):
            for x in range(0, 25, 4):
                window = np.zeros_like(inside)
                window[y : y + 8, x : x + 8] = True
                made, known = window & inside, window & ~inside
                if made.sum() > 5 and not known.any():
                    known = ~inside
                if made.sum() > 5 and known.sum() > 5:
                    values.append(discrepancy(features[made], features[known]))
        assert rc_s(networks, clip, hole)[frame] == pytest.approx(math.exp(-np.mean(values) / 3), rel=1e-4)


def test_rc_t_compares_what_both_frames_have_in_the_hole(
    networks: Networks, clip: Frames, hole: NDArray[np.bool_]
) -> None:
    hole[1, 60:120, 80:110] = False
    inside, features = covered(hole[0]) & covered(hole[1]), [tokens(networks, frame) for frame in clip]
    values = []
    for y in range(0, 25, 4):
        for x in range(0, 25, 4):
            window = np.zeros_like(inside)
            window[y : y + 8, x : x + 8] = True
            if (window & inside).sum() >= 5:
                values.append(discrepancy(*(values[window & inside] for values in features)))
    scores = rc_t(networks, clip, hole)
    assert np.isnan(scores[0])
    assert scores[1] == pytest.approx(np.mean(values), rel=1e-4)
    assert rc_t(networks, np.stack([clip[0], clip[0]]), hole)[1] == pytest.approx(0, abs=1e-9)


def test_a_fill_of_another_texture_is_less_coherent(networks: Networks, clip: Frames, hole: NDArray[np.bool_]) -> None:
    striped = clip.copy()
    striped[(slice(None), *HOLE)] = np.where(np.arange(60) % 8 < 4, 0, 255)[:, None, None]
    before, after = (score_coherence(frames, Reference(clip, Regions(hole), networks)) for frames in (clip, striped))
    assert (after["rc_s"] < before["rc_s"]).all()
    assert after["rc_t"][1] < before["rc_t"][1], "the stripes stand still"


def test_each_part_of_a_hole_is_scored_unless_it_is_small(hole: NDArray[np.bool_]) -> None:
    several = hole[0].copy()
    several[2:17, 2:17] = True
    several[150:160, 2:12] = True
    assert sorted(int(part.sum()) for part in parts(several)) == [225, 3600]
    several[:140] = False
    assert [int(part.sum()) for part in parts(several)] == [100], "all are small"
    assert parts(np.zeros_like(several)) == []


def test_frames_without_a_hole_have_no_score(networks: Networks, clip: Frames, hole: NDArray[np.bool_]) -> None:
    scores = score_coherence(clip, Reference(clip, Regions(np.zeros_like(hole)), networks))
    assert scores.isna().all(axis=None)


def test_a_folder_that_is_no_dinov2_is_refused(networks: Networks, clip: Frames, hole: NDArray[np.bool_]) -> None:
    folder = networks.paths["vgg16_weights"].parent
    with pytest.raises(InputError, match="can't be loaded"):
        rc_s(Networks(WeightsSettings(dinov2_weights=folder), networks.device), clip, hole)
