"""Motion is scored along the truth's own flow."""

import numpy as np
import pytest
from inpainting.metrics.motion import motion_of, score_motion
from inpainting.video.clip import Frames
from numpy.typing import NDArray
from skimage import data


def panning(step: int = 3, frames: int = 4) -> Frames:
    image = data.astronaut()
    return np.stack([image[60:140, 100 + step * i : 220 + step * i] for i in range(frames)])


def square_hole(clip: Frames) -> NDArray[np.bool_]:
    hole = np.zeros(clip.shape[:3], np.bool_)
    hole[:, 25:55, 40:80] = True
    return hole


def test_the_flow_of_a_pan_is_its_step_back_to_the_frame_before() -> None:
    motion = motion_of(panning(step=3))
    assert motion is not None
    assert len(motion.flows) == 3
    inner = motion.flows[1][20:60, 20:100]
    assert np.median(inner[..., 0]) == pytest.approx(3, abs=0.1)
    assert np.median(inner[..., 1]) == pytest.approx(0, abs=0.1)
    assert motion.visible[1][20:60, 20:100].mean() > 0.8
    assert not motion.visible[1][:, 118:].any(), "what enters the frame was not seen before"


def test_a_fill_that_moves_with_the_scene_has_no_warping_error_and_a_static_one_has() -> None:
    truth = panning()
    hole, motion = square_hole(truth), motion_of(truth)
    stuck = np.where(hole[..., None], truth[:1], truth)
    follows, sticks = (score_motion(clip, truth, hole, motion) for clip in (truth, stuck))
    assert follows["warp_mask"].iloc[1:].max() < 0.1 * sticks["warp_mask"].iloc[1:].min()
    assert (follows["temporal_mask"].iloc[1:] == 0).all()
    assert (sticks["temporal_mask"].iloc[1:] > 5).all()
    assert follows.iloc[0][["temporal_mask", "warp_mask", "warp_frame"]].isna().all()


def test_the_temporal_error_agrees_with_loops_and_ignores_constant_errors() -> None:
    truth = panning()
    output = np.random.default_rng(0).integers(0, 256, truth.shape).astype(np.uint8)
    hole = square_hole(truth)
    scores = score_motion(output, truth, hole, None)
    errors = [
        abs((int(output[2, r, c, k]) - int(output[1, r, c, k])) - (int(truth[2, r, c, k]) - int(truth[1, r, c, k])))
        for r, c in np.argwhere(hole[2])
        for k in range(3)
    ]
    assert scores["temporal_mask"][2] == pytest.approx(np.mean(errors))
    assert scores["warp_mask"].isna().all()
    dimmed = (truth // 2 + 20).astype(np.uint8)
    lifted = (dimmed + 30).astype(np.uint8)
    assert (score_motion(lifted, dimmed, hole, None)["temporal_mask"].iloc[1:] == 0).all()


def test_frames_without_a_hole_have_no_score_in_it() -> None:
    truth = panning()
    hole = square_hole(truth)
    hole[2] = False
    row = score_motion(truth, truth, hole, motion_of(truth)).iloc[2]
    assert np.isnan(row["temporal_mask"]) and np.isnan(row["warp_mask"])
    assert row["warp_mask_pixels"] == 0
    assert row["warp_frame"] >= 0


def test_a_clip_of_one_frame_and_one_of_tiny_frames_have_no_motion() -> None:
    clip = panning(frames=1)
    assert score_motion(clip, clip, square_hole(clip), motion_of(clip)).isna().any(axis=None)
    assert motion_of(panning()[:, :15, :40]) is None
