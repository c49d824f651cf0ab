"""Sequences on disk are read by frame number."""

from pathlib import Path

import numpy as np
import pytest
from inpainting.core.errors import InputError
from inpainting.video import sequence

LAST = 101


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence of 101 frames of 8x4 that hold their own number; masks hold its double, truths its complement."""
    folder = tmp_path_factory.mktemp("sequences") / "counted"
    numbers = np.arange(LAST, dtype=np.uint8)[:, None, None]
    grey = np.broadcast_to(numbers, (LAST, 4, 8))
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    sequence.write_sequence(folder, rgb, 2 * grey, 255 - rgb)
    return folder


def test_frames_come_in_the_order_of_their_numbers(counted: Path) -> None:
    assert sequence.read_rgb(counted, 0, LAST)[:, 0, 0, 0].tolist() == list(range(LAST))


def test_input_mask_and_truth_are_of_the_same_frames(counted: Path) -> None:
    rgb, mask = sequence.read_rgb(counted, 51, 49), sequence.read_mask(counted, 51, 49)
    truth = sequence.read_truth(counted, 51, 49)
    assert rgb[:, 0, 0, 0].tolist() == list(range(51, 100))
    assert np.array_equal(mask, 2 * rgb[..., 0])
    assert np.array_equal(truth, 255 - rgb)
    assert rgb.shape == truth.shape == (49, 4, 8, 3)
    assert mask.shape == (49, 4, 8)


def test_a_frame_beyond_the_last_is_an_error_that_names_it(counted: Path) -> None:
    with pytest.raises(InputError, match=r"frame_00102\.png"):
        sequence.read_rgb(counted, 100, 2)
