"""Reading sequences for encoding."""

import numpy as np
from inpainting.stages.latents.reading import difference


def test_the_difference_is_the_channels_mean_rounded_up_and_zero_in_the_hole() -> None:
    truth = np.full((1, 1, 4, 3), 100, np.uint8)
    rgb = truth.copy()
    rgb[0, 0, :3] = [[100, 100, 99], [255, 0, 100], [0, 0, 0]]
    hole = np.array([[[False, False, True, False]]])
    assert difference(rgb, truth, hole).tolist() == [[[1, 85, 0, 0]]]
