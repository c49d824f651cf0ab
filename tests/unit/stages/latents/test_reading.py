"""Reading sequences for encoding."""

import numpy as np
from inpainting.stages.latents.reading import difference, needed_frames


def test_the_difference_is_the_channels_mean_rounded_up_and_zero_in_the_hole() -> None:
    truth = np.full((1, 1, 4, 3), 100, np.uint8)
    rgb = truth.copy()
    rgb[0, 0, :3] = [[100, 100, 99], [255, 0, 100], [0, 0, 0]]
    hole = np.array([[[False, False, True, False]]])
    assert difference(rgb, truth, hole).tolist() == [[[1, 85, 0, 0]]]


def test_only_the_frames_of_the_windows_are_read_unless_the_fill_uses_others() -> None:
    assert needed_frames("truth", 100, [25], 49, 0) == needed_frames("grey", 100, [25], 49, 0) == range(25, 74)
    assert needed_frames("truth", 100, [25, 51], 49, 0) == range(25, 100)
    assert needed_frames("flow_propagation", 100, [25], 49, 0) == range(100)


def test_the_frames_whose_masks_are_united_with_those_of_the_windows_are_read_as_well() -> None:
    assert needed_frames("truth", 100, [25], 49, 3) == range(22, 77)
    assert needed_frames("grey", 100, [0, 51], 49, 3) == range(100)
