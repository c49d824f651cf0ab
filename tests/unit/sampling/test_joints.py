"""Changes at the joints of windows are measured relative to the scene's own motion."""

import numpy as np
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.sampling.joints import JointMeter, joints
from inpainting.sampling.window_schedule import WindowSchedule
from numpy.typing import NDArray

GEOMETRY = COGVIDEOX_2B.geometry
SCHEDULE = WindowSchedule.plan(25, 9, 1, GEOMETRY)


def measure(frames: NDArray[np.uint8], hole: NDArray[np.bool_]) -> dict[str, float] | None:
    meter = JointMeter(SCHEDULE)
    for frame in frames:
        meter.add(frame, hole)
    return meter.result()


def hole() -> NDArray[np.bool_]:
    hole = np.zeros((16, 16), bool)
    hole[4:10, 4:10] = True
    return hole


def test_joints_are_between_frames_where_windows_begin_end_or_overlap() -> None:
    assert SCHEDULE.starts == (0, 8, 16)
    assert list(joints(SCHEDULE)) == [7, 8, 15, 16]
    assert list(joints(WindowSchedule.plan(9, 9, 1, GEOMETRY))) == []


def test_a_steady_change_is_the_same_at_joints_and_elsewhere() -> None:
    steady = np.broadcast_to(np.arange(25, dtype=np.uint8)[:, None, None, None] * 4, (25, 16, 16, 3))
    found = measure(steady, hole())
    assert found is not None
    assert found["hole_ratio"] == found["known_ratio"] == 1
    assert found["hole_elsewhere"] == 4


def test_a_jump_in_the_hole_at_a_joint_raises_the_ratio_of_the_hole_alone() -> None:
    frames = np.broadcast_to(np.arange(25, dtype=np.uint8)[:, None, None, None], (25, 16, 16, 3)).copy()
    frames[8:, 4:10, 4:10] += 40
    found = measure(frames, hole())
    assert found is not None
    assert found["hole_ratio"] == 11
    assert found["known_ratio"] == 1


def test_without_joints_there_is_nothing_to_measure() -> None:
    meter = JointMeter(WindowSchedule.plan(9, 9, 1, GEOMETRY))
    for number in range(9):
        meter.add(np.full((16, 16, 3), number, np.uint8), hole())
    assert meter.result() is None
