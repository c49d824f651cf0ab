"""The decoder's spatial norms, projected before they are enlarged, against diffusers' own."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import CogVideoXSpatialNorm3D
from inpainting.models.spatial_norm import ProjectFirst, project_first
from inpainting.models.vae import decode


@pytest.fixture
def plain_vae(tiny_base: Path) -> AutoencoderKLCogVideoX:
    """The tiny VAE as diffusers loads it."""
    return AutoencoderKLCogVideoX.from_pretrained(tiny_base, subfolder="vae", torch_dtype=torch.float32).eval()


@pytest.mark.parametrize("latent_frames", [1, 3, 5])
def test_a_decoder_that_projects_first_gives_the_same_clip(
    plain_vae: AutoencoderKLCogVideoX, latent_frames: int
) -> None:
    latents = torch.randn(2, latent_frames, 16, 4, 3, generator=torch.Generator().manual_seed(0))
    expected = decode(plain_vae, latents)
    torch.testing.assert_close(decode(project_first(plain_vae), latents), expected, rtol=0, atol=1e-5)


def test_its_gradients_are_the_same(plain_vae: AutoencoderKLCogVideoX) -> None:
    latents = torch.randn(2, 16, 3, 4, 3, generator=torch.Generator().manual_seed(0))
    gradients = []
    for vae in (plain_vae, project_first(plain_vae)):
        vae.zero_grad()
        vae.decode(latents).sample.square().mean().backward()
        gradients.append({name: weight.grad.clone() for name, weight in vae.decoder.named_parameters()})
    assert any(".conv_y." in name for name in gradients[0])
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_it_reaches_every_spatial_norm_and_changes_no_weight(
    plain_vae: AutoencoderKLCogVideoX, tiny_vae: AutoencoderKLCogVideoX
) -> None:
    norms = [module for module in tiny_vae.modules() if isinstance(module, CogVideoXSpatialNorm3D)]
    assert norms and all(type(module) is ProjectFirst for module in norms)
    loaded, expected = tiny_vae.state_dict(), plain_vae.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], weight) for name, weight in expected.items())
