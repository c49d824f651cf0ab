"""The model's inputs do not depend on the pixels under the hole, and are the same from the cache and in inference."""

import itertools
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.artifacts.latents import LatentCache
from inpainting.baselines.fills import fill
from inpainting.baselines.settings import ConditionSource, Fill
from inpainting.conditioning import inputs
from inpainting.models.vae import to_tensor
from inpainting.video import masks, sequence
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings
from numpy.typing import NDArray
from torch import Tensor

DILATION = 2


@pytest.fixture
def clip() -> NDArray[np.uint8]:
    """A clip of noise: uint8 [9, 32, 48, 3]."""
    return np.random.default_rng(0).integers(0, 256, (9, 32, 48, 3), dtype=np.uint8)


@pytest.fixture
def hole() -> Hole:
    """A moving box, not dilated: bool [9, 32, 48]."""
    box = np.zeros((9, 32, 48), bool)
    for frame in range(9):
        box[frame, 10:20, 8 + frame : 24 + frame] = True
    return box


def condition(
    vae: AutoencoderKLCogVideoX, rgb: NDArray[np.uint8], hole: Hole, source: ConditionSource = "grey"
) -> Tensor:
    under = masks.dilate(hole, DILATION)
    encoded = inputs.condition_tensor(fill(rgb, under, source), under, source)
    return inputs.encode_condition(vae, encoded[None])


@pytest.mark.parametrize("name", get_args(Fill))
def test_what_is_under_the_dilated_hole_leaves_the_condition_bit_identical(
    tiny_vae: AutoencoderKLCogVideoX, clip: NDArray[np.uint8], hole: Hole, name: Fill
) -> None:
    changed = clip.copy()
    under = masks.dilate(hole, DILATION)
    changed[under] = np.random.default_rng(1).integers(0, 256, (int(under.sum()), 3))
    assert torch.equal(condition(tiny_vae, clip, hole, name), condition(tiny_vae, changed, hole, name))


def test_the_unmasked_input_as_the_condition_shows_what_is_under_the_hole(
    tiny_vae: AutoencoderKLCogVideoX, clip: NDArray[np.uint8], hole: Hole
) -> None:
    shown = inputs.encode_condition(tiny_vae, to_tensor(clip)[None])
    assert torch.equal(condition(tiny_vae, clip, hole, "rgb"), shown)


def test_every_fill_gives_a_condition_of_its_own(
    tiny_vae: AutoencoderKLCogVideoX, clip: NDArray[np.uint8], hole: Hole
) -> None:
    found = [condition(tiny_vae, clip, hole, name) for name in get_args(ConditionSource)]
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(found, 2))


@pytest.mark.parametrize("name", get_args(ConditionSource))
def test_any_pixel_outside_the_dilated_hole_changes_the_condition(
    tiny_vae: AutoencoderKLCogVideoX, clip: NDArray[np.uint8], hole: Hole, name: ConditionSource
) -> None:
    before = condition(tiny_vae, clip, hole, name)
    outside = np.argwhere(~masks.dilate(hole, DILATION))
    for frame, row, column in outside[:: len(outside) // 7]:
        changed = clip.copy()
        changed[frame, row, column] = 255 - changed[frame, row, column]
        assert not torch.equal(before, condition(tiny_vae, changed, hole, name))


def test_grey_is_0_in_every_channel_and_pixels_outside_are_kept(clip: NDArray[np.uint8], hole: Hole) -> None:
    tensor = inputs.condition_tensor(fill(clip, hole, "grey"), hole, "grey")
    assert tensor.shape == (9, 3, 32, 48)
    inside = torch.from_numpy(hole)[:, None].expand_as(tensor)
    assert tensor[inside].eq(0).all()
    kept = torch.from_numpy(clip).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(tensor[~inside], kept[~inside])


def test_the_condition_encoded_alone_is_the_cached_one(tiny_vae: AutoencoderKLCogVideoX, tiny_results: Path) -> None:
    cache = LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")
    for number in (0, 1, len(cache) - 1):
        window = cache[number]
        folder = tiny_results / "dataset" / window.sequence
        rgb = sequence.read_rgb(folder, window.start, 9)
        hole = masks.to_hole(sequence.read_mask(folder, window.start, 9), MaskSettings())
        assert np.array_equal(window.hole, hole)
        alone = condition(tiny_vae, rgb, hole)[0]
        assert window.condition.dtype == torch.float16
        torch.testing.assert_close(window.condition.float(), alone, rtol=1e-3, atol=1e-4)
