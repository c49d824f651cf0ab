"""Reading sequences for encoding."""

import numpy as np
from inpainting.stages.latents.reading import difference, needed_frames


def test_the_difference_is_the_channels_mean_rounded_up_and_zero_in_the_hole() -> None:
    truth = np.full((1, 1, 4, 3), 100, np.uint8)
    rgb = truth.copy()
    rgb[0, 0, :3] = [[100, 100, 99], [255, 0, 100], [0, 0, 0]]
    hole = np.array([[[False, False, True, False]]])
    assert difference(rgb, truth, hole).tolist() == [[[1, 85, 0, 0]]]
    sums = np.arange(766)
    every = np.stack([(sums - below).clip(0, 255) for below in (0, 255, 510)], axis=-1).astype(np.uint8)[None, None]
    found = difference(every, np.zeros_like(every), np.zeros((1, 1, 766), bool))
    assert found.ravel().tolist() == [-(-total // 3) for total in range(766)]


def test_only_the_frames_of_the_windows_are_read_unless_the_fill_uses_others() -> None:
    span = range(25, 74)
    assert needed_frames(["truth"], 100, span, 0) == needed_frames(["truth", "grey"], 100, span, 0) == span
    assert needed_frames(["truth", "flow_propagation"], 100, span, 0) == range(100)


def test_the_frames_whose_masks_are_united_with_those_of_the_windows_are_read_as_well() -> None:
    assert needed_frames(["truth"], 100, range(25, 74), 3) == range(22, 77)
    assert needed_frames(["grey"], 100, range(100), 3) == range(100)
