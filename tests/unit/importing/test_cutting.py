import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from inpainting.importing import cutting


def test_a_whole_clip_is_one_sequence_by_its_name() -> None:
    assert cutting.cuts("bear", 82, None) == [cutting.Cut("bear", 0, 82)]


def test_pieces_are_called_by_the_frame_they_begin_with() -> None:
    assert [piece.id for piece in cutting.cuts("bear", 100, 49)] == ["bear_00001", "bear_00050"]
    assert cutting.cuts("bear", 48, 49) == []


@given(total=st.integers(1, 300), frames=st.integers(1, 100))
def test_pieces_follow_each_other_and_what_is_left_over_would_not_make_another(total: int, frames: int) -> None:
    pieces = cutting.cuts("x", total, frames)
    assert [piece.first for piece in pieces] == [frames * number for number in range(total // frames)]


@given(frames=st.integers(1, 200), source=st.sampled_from([24.0, 25.0, 29.97, 60.0]), rate=st.floats(1, 120))
def test_a_resampled_clip_lasts_as_long_as_before(frames: int, source: float, rate: float) -> None:
    uses = cutting.resample(tuple(number / source for number in range(frames)), source, rate)
    assert len(uses) == frames
    assert sum(uses) == max(1, round(frames / source * rate))


def test_frames_are_dropped_or_repeated_evenly() -> None:
    even = tuple(number / 30 for number in range(12))
    assert cutting.resample(even, 30, 15) == [1, 0] * 6
    assert cutting.resample(even, 30, 60) == [2] * 12
    assert cutting.resample(even, 30, 30) == [1] * 12


def test_of_a_variable_rate_each_moment_takes_the_frame_nearest_in_time() -> None:
    uses = np.array(cutting.resample((0.0, 0.1, 0.5, 0.6), 10, 10))
    assert uses.sum() == 7 and uses.tolist() == [1, 3, 2, 1]
