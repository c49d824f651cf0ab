"""What the model is told of a clip is blind to what is under the hole, and is the same in cache and inference."""

import itertools
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.artifacts.latents import LatentCache
from inpainting.baselines.fills import fill
from inpainting.baselines.settings import Fill, Signal
from inpainting.conditioning import inputs
from inpainting.conditioning.inputs import Frame
from inpainting.models.settings import ConditionSettings
from inpainting.models.vae import to_signal
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


def condition(vae: AutoencoderKLCogVideoX, rgb: NDArray[np.uint8], hole: Hole, signal: Signal = "grey") -> Tensor:
    under = masks.dilate(hole, DILATION)
    encoded = inputs.condition_signal(fill(rgb, under, signal), under, signal)
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
    shown = inputs.encode_condition(tiny_vae, to_signal(clip)[None])
    assert torch.equal(condition(tiny_vae, clip, hole, "rgb"), shown)


def test_every_fill_gives_a_condition_of_its_own(
    tiny_vae: AutoencoderKLCogVideoX, clip: NDArray[np.uint8], hole: Hole
) -> None:
    found = [condition(tiny_vae, clip, hole, name) for name in get_args(Signal)]
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(found, 2))


@pytest.mark.parametrize("name", get_args(Signal))
def test_any_pixel_outside_the_dilated_hole_changes_the_condition(
    tiny_vae: AutoencoderKLCogVideoX, clip: NDArray[np.uint8], hole: Hole, name: Signal
) -> None:
    before = condition(tiny_vae, clip, hole, name)
    outside = np.argwhere(~masks.dilate(hole, DILATION))
    for frame, row, column in outside[:: len(outside) // 7]:
        changed = clip.copy()
        changed[frame, row, column] = 255 - changed[frame, row, column]
        assert not torch.equal(before, condition(tiny_vae, changed, hole, name))


def test_grey_is_0_in_every_channel_and_pixels_outside_are_kept(clip: NDArray[np.uint8], hole: Hole) -> None:
    signal = inputs.condition_signal(fill(clip, hole, "grey"), hole, "grey")
    assert signal.shape == (9, 3, 32, 48)
    inside = torch.from_numpy(hole)[:, None].expand_as(signal)
    assert signal[inside].eq(0).all()
    kept = torch.from_numpy(clip).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(signal[~inside], kept[~inside])


def test_the_mask_channel_is_the_share_of_hole_and_comes_last(hole: Hole) -> None:
    mask = inputs.mask_channels(hole, 1)[None]
    assert mask.shape == (1, 3, 1, 4, 6)
    assert mask.max() == 0.75
    noisy, known = torch.full((1, 3, 16, 4, 6), 2.0), torch.full((1, 3, 16, 4, 6), 3.0)
    model_input = inputs.model_input(noisy, known, mask)
    assert model_input.shape == (1, 3, 33, 4, 6)
    assert torch.equal(model_input[:, :, :16], noisy)
    assert torch.equal(model_input[:, :, 16:32], known)
    assert torch.equal(model_input[:, :, 32:], mask)


def test_the_mask_may_have_a_channel_for_each_frame_of_a_cell() -> None:
    hole = np.zeros((9, 16, 16), bool)
    hole[0, :8, :8] = True
    hole[1, :4, :8] = True
    hole[4, 8:, 8:] = True
    hole[8, 0, 0] = True
    mask = inputs.mask_channels(hole, 4)
    assert mask.shape == (3, 4, 2, 2)
    assert mask[0, :, 0, 0].tolist() == [1, 1, 1, 1]
    assert mask[1, :, 0, 0].tolist() == [0.5, 0, 0, 0]
    assert mask[1, :, 1, 1].tolist() == [0, 0, 0, 1]
    assert mask[2, :, 0, 0].tolist() == [0, 0, 0, 1 / 64]
    torch.testing.assert_close(mask.mean(dim=1, keepdim=True), inputs.mask_channels(hole, 1))


@pytest.mark.parametrize(
    ("settings", "channels", "signal"),
    [
        (ConditionSettings(), 33, "grey"),
        (ConditionSettings(mask_input="frames", fill="telea"), 36, "telea"),
        (ConditionSettings(conditioning="concat_rgb", fill="telea"), 33, "rgb"),
        (ConditionSettings(conditioning="replace", mask_input="frames"), 16, "grey"),
    ],
)
def test_channels_and_signal_follow_from_the_conditioning(
    settings: ConditionSettings, channels: int, signal: str
) -> None:
    assert (inputs.input_channels(settings, 16), settings.signal) == (channels, signal)


def test_wider_latents_ask_for_more_channels() -> None:
    assert inputs.input_channels(ConditionSettings(), 48) == 97
    assert inputs.input_channels(ConditionSettings(conditioning="replace"), 48) == 48


def test_known_latents_replace_the_noisy_ones_in_cells_free_of_the_hole() -> None:
    noisy, known = torch.zeros(1, 3, 16, 2, 2), torch.ones(1, 3, 16, 2, 2)
    mask = torch.zeros(1, 3, 1, 2, 2)
    mask[0, 1, 0, 0, 0] = 1 / 256
    shown = inputs.replaced(noisy, known, mask)
    assert shown[0, 1, :, 0, 0].eq(0).all()
    assert shown.sum() == 16 * (3 * 4 - 1)


@pytest.mark.parametrize(("height", "width"), [(32, 48), (30, 48), (17, 33), (1, 1)])
def test_frames_are_padded_to_the_grid_by_their_edges_and_cropped_back(height: int, width: int) -> None:
    clip = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    frame = Frame(height, width)
    padded = frame.pad(clip)
    assert padded.shape[1] % 16 == padded.shape[2] % 16 == 0
    assert padded.shape[1] - height < 16
    assert padded.shape[2] - width < 16
    assert frame.latent_size == (padded.shape[1] // 8, padded.shape[2] // 8)
    assert np.array_equal(frame.crop(padded), clip)
    assert (padded[:, height:] == padded[:, height - 1 : height]).all()
    assert (padded[:, :, width:] == padded[:, :, width - 1 : width]).all()


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
