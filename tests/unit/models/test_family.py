"""CogVideoX-2b's geometry, its positions, and how its transformer is called."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from hypothesis import given
from hypothesis import strategies as st
from inpainting.models import bases, loading, vae
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.widening import widen_patch_embedding

GEOMETRY = COGVIDEOX_2B.geometry


@pytest.mark.parametrize(("frames", "length"), [(1, 1), (2, 9), (9, 9), (10, 17), (48, 49), (49, 49), (100, 49)])
def test_short_clips_are_padded_to_the_next_8k_and_1(frames: int, length: int) -> None:
    assert GEOMETRY.padded_frames(frames, 49) == length


@given(st.integers(1, 200))
def test_windows_are_legal_where_they_need_no_padding(frames: int) -> None:
    if GEOMETRY.padded_frames(frames, 10**6) == frames:
        GEOMETRY.check_window(frames)
        return
    below = frames - (frames - 1) % 8
    with pytest.raises(
        ValueError, match=rf"{frames} frames do not keep their length in the VAE; .* such as {below} or {below + 8}"
    ):
        GEOMETRY.check_window(frames)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (30, 48), (17, 33), (1, 1)])
def test_the_vae_gives_latents_of_the_familys_size(tiny_vae: AutoencoderKLCogVideoX, height: int, width: int) -> None:
    rows, columns = GEOMETRY.latent_size(height, width)
    assert 0 <= rows * GEOMETRY.spatial_factor - height < GEOMETRY.grid
    assert 0 <= columns * GEOMETRY.spatial_factor - width < GEOMETRY.grid
    if height < 100:
        latents, _ = vae.encode(
            tiny_vae, torch.zeros(1, 17, 3, rows * GEOMETRY.spatial_factor, columns * GEOMETRY.spatial_factor)
        )
        assert latents.shape[1:2] + latents.shape[3:] == (GEOMETRY.latent_frames(17), rows, columns)


def test_the_vae_takes_the_familys_frame_counts(tiny_vae: AutoencoderKLCogVideoX) -> None:
    assert tiny_vae.num_sample_frames_batch_size == GEOMETRY.frame_step
    assert tiny_vae.config.temporal_compression_ratio == GEOMETRY.temporal_factor


def test_position_embeddings_are_resized_and_back(
    tiny_transformer: CogVideoXTransformer3DModel,
) -> None:
    before = tiny_transformer.patch_embed.pos_embedding
    assert COGVIDEOX_2B.position_size(tiny_transformer) == ((4, 4), 9)
    COGVIDEOX_2B.resize_positions(tiny_transformer, (6, 8), 17)
    assert COGVIDEOX_2B.position_size(tiny_transformer) == ((6, 8), 17)
    assert tiny_transformer.patch_embed.pos_embedding.shape[1] == 4 + 5 * 3 * 4
    COGVIDEOX_2B.resize_positions(tiny_transformer, (4, 4), 9)
    assert torch.equal(tiny_transformer.patch_embed.pos_embedding, before)


def test_condition_and_mask_come_after_the_noisy_latents(tiny_transformer: CogVideoXTransformer3DModel) -> None:
    widen_patch_embedding(tiny_transformer, 33)
    noisy, known, mask = (torch.full((2, 3, channels, 4, 4), float(channels)) for channels in (15, 17, 1))
    seen = []
    tiny_transformer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    prompt, timesteps = torch.zeros(2, 4, 8), torch.tensor([3, 999])
    velocity = COGVIDEOX_2B.predict(tiny_transformer, noisy, known, mask.half(), prompt, timesteps)
    assert velocity.shape == (2, 3, 16, 4, 4)
    (shown,) = seen
    assert torch.equal(shown, torch.cat([noisy, known, mask], dim=2))
    alone = COGVIDEOX_2B.predict(tiny_transformer, shown, None, None, prompt, timesteps)
    assert torch.equal(alone, velocity)


def test_the_native_size_is_that_of_the_configuration(tiny_base: Path) -> None:
    base = str(tiny_base)
    assert bases.family(base) is COGVIDEOX_2B
    assert bases.native_size(base) == ((32, 32), 9)
    assert bases.latent_channels(base) == 16
    assert bases.text_size(base) == (4, 8)


@pytest.mark.parametrize(("dtype", "warned"), [(torch.float32, False), (torch.float16, False), (torch.bfloat16, True)])
def test_a_precision_in_which_the_family_was_not_trained_is_logged(
    tiny_base: Path, caplog: pytest.LogCaptureFixture, dtype: torch.dtype, warned: bool
) -> None:
    loading.load_transformer(str(tiny_base), dtype, torch.device("cpu"), (4, 4), frames=9)
    assert (f"{tiny_base} in bfloat16: CogVideoX-2b was trained in float16" in caplog.text) == warned
