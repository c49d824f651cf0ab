"""Each family calls its transformer as the public pipeline of its base does, and is told by its configuration."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import families
import pytest
import torch
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from inpainting.conditioning.mask_inputs import TRILINEAR
from inpainting.core.errors import UsageError
from inpainting.models import bases, loading
from inpainting.models.cogvideox_1_5 import COGVIDEOX_1_5
from inpainting.models.cogvideox_2b import COGVIDEOX_2B, CogVideoX2B
from inpainting.models.cogvideox_fun_inp import COGVIDEOX_FUN_2B_INP
from inpainting.models.family import Family
from inpainting.models.widening import narrow_patch_embedding, widen_patch_embedding
from torch import Tensor
from torch.nn import functional

PROMPT, TIMESTEPS = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(3)), torch.tensor([600])

Load = Callable[..., tuple[Family, CogVideoXTransformer3DModel]]


@pytest.fixture
def load(tiny_base: Path, tmp_path: Path) -> Load:
    """Loads a tiny base of a family, by its name, for a latent size and a number of frames."""

    def load(name: str, *size: Any) -> tuple[Family, CogVideoXTransformer3DModel]:
        base = str(families.write_base(tiny_base, tmp_path / name, name))
        return bases.family(base), loading.load_transformer(base, torch.float32, torch.device("cpu"), *size)

    return load


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@torch.no_grad()
def called(transformer: CogVideoXTransformer3DModel, hidden_states: Tensor, rows: int, columns: int) -> Tensor:
    """The velocity as diffusers' text-to-video pipeline asks for it, for frames of so many latents."""
    pipeline = CogVideoXPipeline.__new__(CogVideoXPipeline)
    pipeline.transformer, pipeline.vae_scale_factor_spatial = transformer, 8
    rotary = None
    if transformer.config.use_rotary_positional_embeddings:
        rotary = CogVideoXPipeline._prepare_rotary_positional_embeddings(
            pipeline, 8 * rows, 8 * columns, hidden_states.shape[1], torch.device("cpu")
        )
    velocity: Tensor = transformer(hidden_states, PROMPT, TIMESTEPS, image_rotary_emb=rotary, return_dict=False)[0]
    return velocity


def test_every_family_has_a_tiny_base() -> None:
    assert set(families.CONFIGS) == {family.name for family in bases.FAMILIES}


@pytest.mark.parametrize("name", families.CONFIGS)
def test_a_family_is_told_by_its_configuration(load: Load, name: str) -> None:
    family, _ = load(name)
    assert family.name == name
    assert bases.family_named(name) is family


@pytest.mark.parametrize("rotary", [False, True])
def test_33_channels_that_videox_fun_has_not_made_are_refused(rotary: bool) -> None:
    config = {"in_channels": 33, "out_channels": 16, "use_rotary_positional_embeddings": rotary}
    with pytest.raises(
        ValueError, match=r"has 33 channels in and 16 out, which is not supported; .*add_noise_in_inpaint"
    ):
        bases.family_of(config, {}, {})
    assert bases.family_of(config | families.FUN, {}, {}).condition_channels == 17


def test_a_configuration_without_a_patch_size_has_patches_of_two_cells() -> None:
    class Fine(CogVideoX2B):
        geometry = dataclasses.replace(COGVIDEOX_2B.geometry, patch_size=1)

    assert Fine().unsupported({}, {}, {}) == ["patches of 2 latent cells"]
    assert COGVIDEOX_2B.unsupported({"patch_size": 1}, {}, {}) == ["patches of 1 latent cell"]


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (6, 10)])
@pytest.mark.parametrize("name", ["CogVideoX-2b", "CogVideoX-5b"])
def test_the_prediction_is_that_of_diffusers_call(load: Load, name: str, rows: int, columns: int) -> None:
    family, transformer = load(name)
    latents = random(1, 3, 16, rows, columns)
    expected = called(transformer, latents, rows, columns)
    family.resize_positions(transformer, (rows, columns), 9)
    with torch.no_grad():
        velocity = family.predict(transformer, latents, None, None, PROMPT, TIMESTEPS)
    torch.testing.assert_close(velocity, expected)


@pytest.mark.parametrize("name", ["CogVideoX-5b", "CogVideoX1.5-5b", "CogVideoX-Fun-V1.1-5b-InP"])
def test_rotary_positions_matter(load: Load, name: str) -> None:
    """Without them, the same content at two places would get the same prediction."""
    family, transformer = load(name)
    channels = transformer.config.in_channels
    latents = random(1, 1, channels, 1, 1).expand(1, 3, channels, 4, 4)
    with torch.no_grad():
        velocity = family.predict(transformer, latents, None, None, PROMPT, TIMESTEPS)
    assert (velocity[:, :, :, :2, :2] - velocity[:, :, :, 2:, 2:]).abs().max() > 1e-4


def test_1_5_predicts_an_odd_number_of_latent_frames_with_the_first_one_repeated(load: Load) -> None:
    family, transformer = load("CogVideoX1.5-5b")
    odd = random(1, 3, 16, 4, 4)
    even = torch.cat([odd[:, :1], odd], dim=1)
    expected = called(transformer, even, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(family.predict(transformer, even, None, None, PROMPT, TIMESTEPS), expected)
        torch.testing.assert_close(family.predict(transformer, odd, None, None, PROMPT, TIMESTEPS), expected[:, 1:])


def test_1_5_has_no_positions_for_larger_frames_than_its_own(load: Load) -> None:
    family, transformer = load("CogVideoX1.5-5b")
    with pytest.raises(UsageError, match="no positions for frames of 80x48, only up to 32x32"):
        family.predict(transformer, random(1, 3, 16, 6, 10), None, None, PROMPT, TIMESTEPS)


def test_the_new_channels_of_1_5_start_at_zero_and_matter_once_they_are_not(load: Load) -> None:
    family, transformer = load("CogVideoX1.5-5b")
    noisy, known, mask = random(1, 3, 16, 4, 4), random(1, 3, 16, 4, 4), torch.ones(1, 3, 1, 4, 4)
    projection = transformer.patch_embed.proj
    with torch.no_grad():
        before = family.predict(transformer, noisy, None, None, PROMPT, TIMESTEPS)
        widen_patch_embedding(transformer, 33)
        torch.testing.assert_close(family.predict(transformer, noisy, known, mask, PROMPT, TIMESTEPS), before)
        weights = transformer.patch_embed.proj.weight.unflatten(1, (33, 2, 2, 2))
        weights[:, 32] += random(32, 2, 2, 2)
        changed = family.predict(transformer, noisy, known, mask, PROMPT, TIMESTEPS)
        zero_mask = family.predict(transformer, noisy, known, 0 * mask, PROMPT, TIMESTEPS)
    assert (changed - before).abs().max() > 1e-3
    torch.testing.assert_close(zero_mask, before)
    narrow_patch_embedding(transformer, projection)
    assert transformer.config.in_channels == 16


@pytest.mark.parametrize(
    ("name", "scale"), [("CogVideoX-Fun-V1.1-2b-InP", 1.15258426), ("CogVideoX-Fun-V1.1-5b-InP", 0.7)]
)
def test_fun_takes_noisy_latents_then_where_pixels_are_known_then_the_condition(
    load: Load, name: str, scale: float
) -> None:
    """As the pipeline of VideoX-Fun builds them: the mask times the scaling factor, 1 where known."""
    family, transformer = load(name, (4, 4), 9)
    noisy, known, mask = random(1, 3, 16, 4, 4), random(1, 3, 16, 4, 4), random(1, 3, 1, 4, 4).sigmoid()
    with torch.no_grad():
        velocity = family.predict(transformer, noisy, known, mask, PROMPT, TIMESTEPS)
        inputs = torch.cat([noisy, scale * (1 - mask), known], dim=2)
        torch.testing.assert_close(velocity, called(transformer, inputs, 4, 4))


def test_fun_stretches_its_position_table_over_other_frame_sizes(load: Load) -> None:
    """The table of its own size, resized by trilinear interpolation with the frames kept, as VideoX-Fun does."""
    family, transformer = load("CogVideoX-Fun-V1.1-2b-InP")
    embed = transformer.patch_embed
    own = embed.pos_embedding.clone()
    grid = own[:, 4:].unflatten(1, (3, 2, 2)).permute(0, 4, 1, 2, 3)
    stretched = functional.interpolate(grid, (3, 3, 5), mode="trilinear", align_corners=False)
    family.resize_positions(transformer, (6, 10), 9)
    torch.testing.assert_close(embed.pos_embedding[:, 4:], stretched.permute(0, 2, 3, 4, 1).flatten(1, 3))
    assert not embed.pos_embedding[:, :4].any()
    latents = random(1, 3, 33, 6, 10)
    with torch.no_grad():
        family.predict(transformer, latents, None, None, PROMPT, TIMESTEPS)
    assert embed.pos_embedding.shape[1] == 4 + 3 * 3 * 5, "diffusers has not computed a table of its own"
    family.resize_positions(transformer, (4, 4), 9)
    torch.testing.assert_close(embed.pos_embedding, own)


def test_fun_has_no_positions_for_longer_windows_than_its_own(load: Load) -> None:
    _, transformer = load("CogVideoX-Fun-V1.1-2b-InP")
    with pytest.raises(UsageError, match=r"--window: 17 was given, but CogVideoX-Fun-V1.1-2b-InP has positions for 9"):
        COGVIDEOX_FUN_2B_INP.resize_positions(transformer, (4, 4), 17)


def test_the_trilinear_mask_is_that_of_pytorch_with_the_first_frame_alone() -> None:
    hole = torch.rand((9, 16, 24), generator=torch.Generator().manual_seed(0)) > 0.7
    pixels = hole.float()[None, None]
    first = functional.interpolate(pixels[:, :, :1], (1, 2, 3), mode="trilinear", align_corners=False)
    others = functional.interpolate(pixels[:, :, 1:], (2, 2, 3), mode="trilinear", align_corners=False)
    expected = torch.cat([first, others], dim=2)[0, 0]
    found = TRILINEAR.from_hole(hole.numpy(), COGVIDEOX_1_5.geometry)
    torch.testing.assert_close(torch.from_numpy(found)[:, 0], expected)
