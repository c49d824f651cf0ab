"""Windows cover a sequence, and processed windows are blended into a clip."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.video import windows
from inpainting.video.settings import WindowSettings
from pydantic import ValidationError


def test_a_hundred_frames_in_windows_of_49_start_at_0_25_and_51() -> None:
    assert windows.plan(100, 49, 4) == [0, 25, 51]
    assert windows.plan(100, 49) == [0, 25, 51]


@settings(max_examples=200, deadline=None)
@given(frames=st.integers(1, 400), eighths=st.integers(0, 12), overlap=st.integers(0, 96))
def test_windows_cover_every_frame_and_their_weights_sum_to_one(frames: int, eighths: int, overlap: int) -> None:
    window = 8 * eighths + 1
    settings = WindowSettings(window=window, window_overlap=min(overlap, max(0, window - 1)))
    starts = windows.plan(frames, settings.window, settings.window_overlap)
    length = COGVIDEOX_2B.geometry.padded_frames(frames, window)
    assert length % 8 == 1
    covered = np.zeros(frames, int)
    for start in starts:
        covered[start : start + length] += 1
    assert covered.min() >= 1
    if frames > window:
        assert starts[0] == 0
        assert starts[-1] == frames - window
        assert max(np.diff(starts)) <= window - settings.window_overlap
    weights = windows.weights(starts, length, frames)
    assert weights.shape == (len(starts), frames)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-6)
    for row, start in zip(weights, starts, strict=True):
        assert not row[:start].any()
        assert not row[start + length :].any()


@given(count=st.integers(1, 4), sequence=st.text(min_size=1))
def test_the_chosen_windows_are_some_of_the_planned_ones_and_a_larger_count_adds_to_them(
    count: int, sequence: str
) -> None:
    starts = windows.plan(100, 49, 4)
    chosen = windows.choose(starts, count, sequence)
    assert chosen == sorted(set(chosen) & set(starts))
    assert len(chosen) == min(count, 3)
    assert set(chosen) <= set(windows.choose(starts, count + 1, sequence))
    assert windows.choose(starts, None, sequence) == starts


def test_over_many_sequences_each_window_is_chosen_about_as_often() -> None:
    chosen = [windows.choose([0, 25, 51], 1, f"{number:016x}") for number in range(300)]
    assert all(80 <= chosen.count([start]) <= 120 for start in (0, 25, 51))


def test_windows_of_one_frame_do_not_overlap() -> None:
    settings = WindowSettings(window=1)
    assert windows.plan(3, settings.window, settings.window_overlap) == [0, 1, 2]


def test_an_overlap_of_the_whole_window_is_refused() -> None:
    with pytest.raises(ValidationError, match="window_overlap: 9 must be less"):
        WindowSettings(window=9, window_overlap=9)


def test_padding_repeats_the_last_frame() -> None:
    clip = np.arange(3 * 2 * 2).reshape(3, 2, 2)
    padded = windows.pad(clip, 9)
    assert np.array_equal(padded[:3], clip)
    assert all(np.array_equal(frame, clip[-1]) for frame in padded[3:])


def test_overlapping_windows_fade_into_each_other() -> None:
    weights = windows.weights([0, 5], 9, 14)
    assert weights[0, :5].tolist() == [1] * 5
    assert weights[1, 9:].tolist() == [1] * 5
    assert (np.diff(weights[0, 4:10]) < 0).all()


@settings(max_examples=100, deadline=None)
@given(frames=st.integers(1, 120), eighths=st.integers(0, 4), overlap=st.integers(0, 32), seed=st.integers(0, 99))
def test_joined_windows_are_their_weighted_sum(frames: int, eighths: int, overlap: int, seed: int) -> None:
    window = 8 * eighths + 1
    starts = windows.plan(frames, window, min(overlap, window - 1))
    length = COGVIDEOX_2B.geometry.padded_frames(frames, window)
    made = np.random.default_rng(seed).integers(0, 256, (len(starts), length, 2, 3), dtype=np.uint8)
    total = np.zeros((frames + length, 2, 3), np.float32)
    for start, share, result in zip(starts, windows.weights(starts, length, frames), made, strict=True):
        total[start : start + length] += result * np.resize(share[start : start + length], (length, 1, 1))
    joined = windows.join(iter(made), starts, length, frames)
    assert joined.dtype == np.uint8
    assert np.array_equal(joined, total[:frames].round())


def test_unchanged_windows_join_to_the_original_clip() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (100, 2, 3), dtype=np.uint8)
    starts = windows.plan(100, 49, 4)
    assert np.array_equal(windows.join((clip[start : start + 49] for start in starts), starts, 49, 100), clip)
