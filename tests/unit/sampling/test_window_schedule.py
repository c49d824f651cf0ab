"""Windows cover a clip and share exactly the latent frames that encode the same frames."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.sampling import denoising
from inpainting.sampling.window_schedule import WindowSchedule

GEOMETRY = COGVIDEOX_2B.geometry
STRIDE = GEOMETRY.temporal_factor


def shown(schedule: WindowSchedule, window: int, position: int) -> list[int]:
    """Frames of the clip that a latent frame of a window encodes."""
    start = schedule.starts[window]
    return [start] if position == 0 else [start + STRIDE * position - offset for offset in range(STRIDE)]


@settings(max_examples=150, deadline=None)
@given(frames=st.integers(1, 300), eighths=st.integers(0, 6), overlap=st.integers(0, 60))
def test_windows_cover_a_clip_and_share_latent_frames_of_the_same_frames(
    frames: int, eighths: int, overlap: int
) -> None:
    window = 8 * eighths + 1
    overlap = min(overlap, max(0, window - 4))
    schedule = WindowSchedule.plan(frames, window, overlap, GEOMETRY)
    covered = np.zeros(max(frames, schedule.starts[-1] + schedule.length), int)
    for start in schedule.starts:
        covered[start : start + schedule.length] += 1
    assert covered[:frames].min() >= 1
    if frames > window > 1:
        assert schedule.starts[-1] + window - frames < STRIDE
        assert max(np.diff(schedule.starts)) <= window - overlap
    of_row: dict[int, list[int]] = {}
    own = set()
    for index, rows in enumerate(schedule.indices):
        for position, row in enumerate(rows):
            assert of_row.setdefault(int(row), shown(schedule, index, position)) == shown(schedule, index, position)
            own |= {int(row)} if position == 0 else set()
    grid = [tuple(frames) for row, frames in of_row.items() if row not in own]
    assert len(grid) == len(set(grid))
    assert sorted(of_row) == list(range(schedule.clip_latent_frames))


@pytest.mark.parametrize("blend", ["latents", "pixels"])
def test_blend_weights_of_each_latent_frame_sum_to_one(blend: str) -> None:
    schedule = WindowSchedule.plan(57, 17, 4, GEOMETRY, blend)  # type: ignore[arg-type]
    total = np.zeros(schedule.clip_latent_frames)
    np.add.at(total, schedule.indices, schedule.weights)
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    alone = schedule.indices.size == schedule.clip_latent_frames
    assert alone == (blend == "pixels")


def test_windows_are_averaged_by_their_blend_weights() -> None:
    schedule = WindowSchedule.plan(25, 17, 9, GEOMETRY)
    assert schedule.starts == (0, 8)
    of_windows = torch.stack([torch.full((5, 2), 1.0), torch.full((5, 2), 3.0)])
    rows = denoising.blend_windows(schedule, of_windows)
    assert rows[:3, 0].tolist() == [1, 1, 1]
    assert schedule.indices.tolist() == [[0, 1, 2, 3, 4], [5, 3, 4, 6, 7]]
    torch.testing.assert_close(rows[3:5, 0], torch.tensor([5 / 3, 7 / 3]))
    assert rows[5:, 0].tolist() == [3, 3, 3]
