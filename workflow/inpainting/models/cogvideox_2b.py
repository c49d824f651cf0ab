"""CogVideoX-2b and bases like it, such as models/nano.

Sinusoidal position embeddings are added to the tokens, from a table that is computed for one clip size. The transformer
takes no image_rotary_emb and no ofs, and prompt embeddings of a fixed number of tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inpainting.models.family import Family

if TYPE_CHECKING:
    from diffusers import CogVideoXTransformer3DModel


class CogVideoX2B(Family):
    """See `Family`."""

    name = "CogVideoX-2b"
    features = "sinusoidal positions"
    trained_in = ("float16",)

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """The size of the position table; diffusers computes it anew at each forward pass for any other size."""
        return {"sample_height": latent_size[0], "sample_width": latent_size[1], "sample_frames": frames}

    def resize_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Compute the position table for another clip size once instead of at every forward pass; in place."""
        if self.position_size(transformer) == (latent_size, frames):
            return
        super().resize_positions(transformer, latent_size, frames)
        embed = transformer.patch_embed
        embed.pos_embedding = embed._get_positional_embeddings(*latent_size, frames, device=embed.pos_embedding.device)


COGVIDEOX_2B = CogVideoX2B()
