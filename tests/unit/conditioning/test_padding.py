"""Frames are padded to a model's grid and cropped back."""

import numpy as np
import pytest
from inpainting.conditioning.padding import Padding
from inpainting.models.cogvideox_2b import COGVIDEOX_2B

GEOMETRY = COGVIDEOX_2B.geometry


@pytest.mark.parametrize(("height", "width"), [(32, 48), (30, 48), (17, 33), (1, 1)])
def test_frames_are_padded_to_the_grid_by_their_edges_and_cropped_back(height: int, width: int) -> None:
    clip = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    padding = Padding(height, width, GEOMETRY)
    padded = padding.pad(clip)
    assert padded.shape[1] % 16 == padded.shape[2] % 16 == 0
    assert padded.shape[1] - height < 16
    assert padded.shape[2] - width < 16
    assert padding.latent_size == (padded.shape[1] // 8, padded.shape[2] // 8)
    assert np.array_equal(padding.crop(padded), clip)
    assert (padded[:, height:] == padded[:, height - 1 : height]).all()
    assert (padded[:, :, width:] == padded[:, :, width - 1 : width]).all()
