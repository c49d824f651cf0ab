"""Pixels to latents and back: axes, frame counts and the scaling factor."""

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.models import vae as vae_latents
from torch import Tensor

SCALING = 1.7


def random_clip(batch: int, frames: int, height: int = 32, width: int = 48) -> Tensor:
    return torch.rand((batch, frames, 3, height, width), generator=torch.Generator().manual_seed(frames)) * 2 - 1


def test_pixels_become_floats_from_minus_one_to_one_and_come_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    clips = vae_latents.to_tensor(pixels)
    assert clips.shape == (1, 3, 16, 16)
    assert (clips.min(), clips.max(), clips.dtype) == (-1, 1, torch.float32)
    assert np.array_equal(vae_latents.to_pixels(clips), pixels)


def test_pixels_are_scaled_by_a_division_in_float32() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 256, 1).repeat(3, axis=-1)
    expected = pixels[0, 0, :, 0].astype(np.float32) / np.float32(127.5) - np.float32(1)
    assert np.array_equal(vae_latents.to_tensor(pixels)[0, 0, 0].numpy(), expected)


def test_colours_keep_their_channels() -> None:
    red = np.zeros((1, 2, 2, 3), np.uint8)
    red[..., 0] = 255
    clips = vae_latents.to_tensor(red)
    assert clips[0, 0].eq(1).all()
    assert clips[0, 1:].eq(-1).all()


def test_encoding_scales_the_posterior_mean_exactly_once(tiny_vae: AutoencoderKLCogVideoX) -> None:
    clips = random_clip(2, 9)
    with torch.no_grad():
        posterior = tiny_vae.encode(clips.transpose(1, 2)).latent_dist
    mean, logvar = vae_latents.encode(tiny_vae, clips)
    torch.testing.assert_close(mean, SCALING * posterior.mode().transpose(1, 2), rtol=1e-6, atol=0)
    sigma = (logvar / 2).exp()
    torch.testing.assert_close(sigma, SCALING * posterior.std.transpose(1, 2), rtol=1e-5, atol=0)


def test_the_scaling_factor_is_the_models_own(tiny_vae: AutoencoderKLCogVideoX) -> None:
    clips = random_clip(2, 1)
    mean, _ = vae_latents.encode(tiny_vae, clips)
    tiny_vae.register_to_config(scaling_factor=2 * SCALING)
    doubled, _ = vae_latents.encode(tiny_vae, clips)
    torch.testing.assert_close(doubled, 2 * mean)


def test_decoding_undoes_the_scaling_exactly_once(tiny_vae: AutoencoderKLCogVideoX) -> None:
    latents = torch.randn((2, 3, 16, 4, 6), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = tiny_vae.decode(latents.transpose(1, 2) / SCALING).sample.transpose(1, 2)
    torch.testing.assert_close(vae_latents.decode(tiny_vae, latents), expected)


def test_latents_are_frames_then_channels_and_clips_too(tiny_vae: AutoencoderKLCogVideoX) -> None:
    mean, logvar = vae_latents.encode(tiny_vae, random_clip(2, 9))
    assert mean.shape == logvar.shape == (2, 3, 16, 4, 6)
    assert vae_latents.decode(tiny_vae, mean).shape == (2, 9, 3, 32, 48)


def test_a_change_in_the_last_frames_reaches_the_last_latents_alone(tiny_vae: AutoencoderKLCogVideoX) -> None:
    clips = random_clip(2, 17)
    changed = clips.clone()
    changed[:, 13:] += 0.5
    before, after = (vae_latents.encode(tiny_vae, clip)[0] for clip in (clips, changed))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.isclose(before[:, 4], after[:, 4]).all()


@pytest.mark.parametrize("frames", [2, 8, 10, 12, 16, 45, 48, 100])
def test_frame_counts_other_than_8k_and_1_are_refused(tiny_vae: AutoencoderKLCogVideoX, frames: int) -> None:
    with pytest.raises(ValueError, match=f"{frames} frames do not keep their length"):
        vae_latents.encode(tiny_vae, torch.zeros(1, frames, 3, 16, 16))


@pytest.mark.parametrize(("frames", "latent_frames"), [(1, 1), (9, 3), (17, 5), (49, 13)])
def test_clips_of_8k_and_1_frames_come_back_at_their_length(
    tiny_vae: AutoencoderKLCogVideoX, frames: int, latent_frames: int
) -> None:
    mean, _ = vae_latents.encode(tiny_vae, torch.zeros(1, frames, 3, 16, 16))
    assert mean.shape[1] == latent_frames
    assert vae_latents.decode(tiny_vae, mean).shape[1] == frames


def test_a_clip_has_the_same_latents_alone_and_in_a_batch(tiny_vae: AutoencoderKLCogVideoX) -> None:
    clips = random_clip(3, 9)
    together, _ = vae_latents.encode(tiny_vae, clips)
    for number in range(3):
        alone, _ = vae_latents.encode(tiny_vae, clips[number : number + 1])
        torch.testing.assert_close(alone[0], together[number], rtol=1e-5, atol=1e-5)
