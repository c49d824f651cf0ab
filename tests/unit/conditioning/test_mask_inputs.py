"""Masks as the model is shown them."""

import numpy as np
import pytest
import torch
from inpainting.conditioning import inputs
from inpainting.conditioning.mask_inputs import AREA, FRAMES, MaskInput
from inpainting.conditioning.registry import MASK_INPUTS
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.video.masks import Hole

GEOMETRY = COGVIDEOX_2B.geometry


@pytest.fixture
def hole() -> Hole:
    """A moving box: bool [9, 32, 48]."""
    box = np.zeros((9, 32, 48), bool)
    for frame in range(9):
        box[frame, 10:20, 8 + frame : 24 + frame] = True
    return box


@pytest.mark.parametrize("mask", [AREA, FRAMES], ids=lambda mask: mask.name)
def test_a_mask_is_zero_in_the_cells_without_hole_and_in_no_others(mask: MaskInput, hole: Hole) -> None:
    shown = mask.from_hole(hole, GEOMETRY)
    assert (shown.dtype, shown.shape) == (np.float32, (3, mask.channels(GEOMETRY), 4, 6))
    cells = hole.reshape(9, 4, 8, 6, 8).sum(axis=(2, 4))
    of_latent_frames = np.stack([frames.sum(axis=0) for frames in (cells[:1], cells[1:5], cells[5:])])
    assert np.array_equal((shown > 0).any(axis=1), of_latent_frames > 0)


@pytest.mark.parametrize("mask", MASK_INPUTS.values(), ids=MASK_INPUTS)
def test_a_mask_is_zero_without_a_hole_and_one_where_all_is_hole(mask: MaskInput) -> None:
    for value in (0, 1):
        shown = mask.from_hole(np.full((9, 32, 48), value, bool), GEOMETRY)
        assert (shown.dtype, shown.shape) == (np.float32, (3, mask.channels(GEOMETRY), 4, 6))
        assert (shown == value).all()


def test_the_mask_channel_is_the_share_of_hole(hole: Hole) -> None:
    mask = inputs.encode_hole(hole, AREA, GEOMETRY)
    assert mask.shape == (3, 1, 4, 6)
    assert mask.max() == 0.75


def test_the_mask_may_have_a_channel_for_each_frame_of_a_cell() -> None:
    hole = np.zeros((9, 16, 16), bool)
    hole[0, :8, :8] = True
    hole[1, :4, :8] = True
    hole[4, 8:, 8:] = True
    hole[8, 0, 0] = True
    mask = inputs.encode_hole(hole, FRAMES, GEOMETRY)
    assert mask.shape == (3, 4, 2, 2)
    assert mask[0, :, 0, 0].tolist() == [1, 1, 1, 1]
    assert mask[1, :, 0, 0].tolist() == [0.5, 0, 0, 0]
    assert mask[1, :, 1, 1].tolist() == [0, 0, 0, 1]
    assert mask[2, :, 0, 0].tolist() == [0, 0, 0, 1 / 64]
    torch.testing.assert_close(mask.mean(dim=1, keepdim=True), inputs.encode_hole(hole, AREA, GEOMETRY))
