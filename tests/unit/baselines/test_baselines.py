from collections.abc import Callable

import numpy as np
import pytest
from inpainting.baselines.flow_propagation import flow_propagation
from inpainting.baselines.per_frame import GREY_LEVEL, masked_input, telea
from inpainting.baselines.registry import BASELINES
from inpainting.baselines.temporal_median import temporal_median
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

Fill = Callable[[Frames, Hole], Frames]

METHODS = [pytest.param(baseline.fill, id=name) for name, baseline in BASELINES.items()]
FILLING = [pytest.param(baseline.fill, id=name) for name, baseline in BASELINES.items() if baseline.kind != "floor"]


def clip_and_hole(seed: int = 0, frames: int = 5, height: int = 24, width: int = 32) -> tuple[Frames, Hole]:
    rng = np.random.default_rng(seed)
    hole = np.zeros((frames, height, width), np.bool_)
    for frame in range(frames):
        hole[frame, 5:13, 2 + 3 * frame : 12 + 3 * frame] = True
    hole[:, 18:21, 4:9] = True
    return rng.integers(0, 256, (frames, height, width, 3)).astype(np.uint8), hole


def texture(frames: int, shift: int, height: int = 64, width: int = 80) -> Frames:
    """A textured plane that moves `shift` pixels to the left in every frame."""
    row, column = np.indices((height, width + frames * abs(shift)))
    plane = 128 + 60 * np.sin(column / 3 + np.sin(row / 5)) + 50 * np.cos(row / 4 + column / 7)
    moved = [plane[:, frame * shift : frame * shift + width] for frame in range(frames)]
    return np.repeat(np.stack(moved)[..., None], 3, axis=-1).round().astype(np.uint8)


@pytest.mark.parametrize("fill", METHODS)
def test_no_fill_reads_a_pixel_inside_the_hole(fill: Fill) -> None:
    clip, hole = clip_and_hole()
    other = np.where(hole[..., None], np.random.default_rng(9).integers(0, 256, clip.shape).astype(np.uint8), clip)
    assert not np.array_equal(clip, other)
    assert np.array_equal(fill(clip, hole), fill(other, hole))


@pytest.mark.parametrize("fill", METHODS)
def test_every_fill_keeps_the_known_pixels_to_the_bit(fill: Fill) -> None:
    clip, hole = clip_and_hole()
    filled = fill(clip, hole)
    assert filled.shape == clip.shape
    assert filled.dtype == np.uint8
    assert np.array_equal(filled[~hole], clip[~hole])


@pytest.mark.parametrize("fill", METHODS)
def test_every_fill_takes_a_clip_without_a_hole_and_returns_it(fill: Fill) -> None:
    clip, hole = clip_and_hole()
    assert np.array_equal(fill(clip, np.zeros_like(hole)), clip)


@pytest.mark.parametrize("fill", METHODS)
def test_every_fill_fills_a_clip_that_is_all_hole_with_grey(fill: Fill) -> None:
    clip, hole = clip_and_hole()
    assert (fill(clip, np.ones_like(hole)) == GREY_LEVEL).all()


@pytest.mark.parametrize("fill", METHODS)
@pytest.mark.parametrize("shape", [(1, 24, 32), (2, 24, 32), (3, 8, 9)])
def test_every_fill_takes_short_and_small_clips(fill: Fill, shape: tuple[int, int, int]) -> None:
    clip = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    hole = np.zeros(shape, np.bool_)
    hole[:, 2:5, 3:6] = True
    assert fill(clip, hole).shape == clip.shape


@pytest.mark.parametrize("fill", METHODS)
def test_every_fill_is_deterministic_and_does_not_change_its_input(fill: Fill) -> None:
    clip, hole = clip_and_hole()
    before = clip.copy(), hole.copy()
    assert np.array_equal(fill(clip, hole), fill(clip, hole))
    assert np.array_equal(clip, before[0])
    assert np.array_equal(hole, before[1])


def test_masked_input_shows_grey_in_the_hole() -> None:
    clip, hole = clip_and_hole()
    assert (masked_input(clip, hole)[hole] == GREY_LEVEL).all()


@pytest.mark.parametrize("fill", FILLING)
def test_a_clip_of_one_colour_is_filled_with_that_colour(fill: Fill) -> None:
    clip, hole = clip_and_hole()
    filled = fill(np.full_like(clip, 77), hole)
    assert np.abs(filled.astype(int) - 77).max() <= 2


def test_the_temporal_median_agrees_with_a_loop_over_pixels() -> None:
    clip, hole = clip_and_hole()
    hole[:, 18:21, 4:9] = False
    filled = temporal_median(clip, hole)
    for frame, row, column in np.argwhere(hole):
        known = clip[~hole[:, row, column], row, column].astype(float)
        assert filled[frame, row, column].tolist() == np.floor(np.median(known, axis=0) + 0.5).tolist()


def test_the_temporal_median_finds_what_a_still_camera_shows_at_another_time() -> None:
    clip, hole = clip_and_hole(frames=9)
    hole[:, 18:21, 4:9] = False
    still = np.repeat(clip[:1], 9, axis=0)
    assert np.array_equal(temporal_median(still, hole), still)


def test_pixels_that_are_unknown_in_all_frames_get_the_same_fill_in_all_frames() -> None:
    clip, hole = clip_and_hole()
    filled = temporal_median(clip, hole)[:, 18:21, 4:9]
    assert (filled == filled[:1]).all()


def test_propagation_finds_what_a_moving_camera_shows_at_another_time() -> None:
    clip = texture(frames=9, shift=3)
    hole = np.zeros(clip.shape[:3], np.bool_)
    hole[:, 24:40, 34:46] = True

    def error(filled: Frames) -> float:
        return float(((filled.astype(float) - clip)[hole] ** 2).mean())

    filled = flow_propagation(clip, hole)
    assert error(filled) < error(telea(clip, hole)) / 10
    assert error(filled) < error(temporal_median(clip, hole)) / 10
