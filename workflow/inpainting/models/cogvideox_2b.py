"""CogVideoX-2b (Z. Yang et al. 2024, arXiv 2408.06072) and bases like it, such as models/nano.

Sinusoidal position embeddings are added to the tokens, from a table that is computed for one clip size. The transformer
takes no image_rotary_emb and no ofs, and prompt embeddings of a fixed number of tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inpainting.models.family import Config, Family, Geometry

if TYPE_CHECKING:
    from diffusers import CogVideoXTransformer3DModel
    from torch import Tensor


class CogVideoX2B(Family):
    """See `Family`."""

    name = "CogVideoX-2b"
    supported_bases = (
        "CogVideoX-2b and bases like it: sinusoidal positions, patches of one latent frame, as many channels in as "
        "out, a VAE that compresses 8x8 pixels and 4 frames, and v-prediction over 1000 timesteps"
    )
    geometry = Geometry(spatial_factor=8, temporal_factor=4, patch_size=2, frame_step=8)
    timesteps = 1000
    trained_in = ("float16",)

    def unsupported(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """Reads the keys that distinguish the families; an absent key has diffusers' default."""
        kind = transformer.get("_class_name", "CogVideoXTransformer3DModel")
        if kind != "CogVideoXTransformer3DModel":
            return [f"a transformer of the class {kind}"]
        found = []
        if transformer.get("use_rotary_positional_embeddings"):
            found.append("rotary positions")
        if transformer.get("use_learned_positional_embeddings"):
            found.append("learned positions")
        if transformer.get("patch_size_t") is not None:
            found.append(f"patches of {transformer['patch_size_t']} latent frames")
        if transformer.get("patch_size", 2) != self.geometry.patch_size:
            found.append(f"patches of {transformer['patch_size']} latent cells")
        if transformer.get("ofs_embed_dim"):
            found.append("an ofs embedding")
        channels_in, channels_out = transformer.get("in_channels", 16), transformer.get("out_channels", 16)
        if channels_in != channels_out:
            found.append(f"{channels_in} channels in and {channels_out} out")
        return found + self._vae_unsupported(vae, channels_out) + self._scheduler_unsupported(scheduler)

    def _vae_unsupported(self, vae: Config, channels: int) -> list[str]:
        if not vae:
            return []
        found = []
        blocks, time = vae.get("block_out_channels", (128, 256, 256, 512)), vae.get("temporal_compression_ratio", 4)
        space = 2 ** (len(blocks) - 1)
        if (space, time) != (self.geometry.spatial_factor, self.geometry.temporal_factor):
            found.append(f"a VAE that compresses {space}x{space} pixels and {time} frames")
        if vae.get("latent_channels", 16) != channels:
            found.append(f"a VAE of {vae.get('latent_channels', 16)} channels for a transformer of {channels}")
        if vae.get("invert_scale_latents"):
            found.append("latents of inverted scale")
        return found

    def _scheduler_unsupported(self, scheduler: Config) -> list[str]:
        if not scheduler:
            return []
        prediction, timesteps = scheduler.get("prediction_type", "epsilon"), scheduler.get("num_train_timesteps", 1000)
        found = [] if prediction == "v_prediction" else [f"a noise schedule of {prediction} prediction"]
        return found if timesteps == self.timesteps else [*found, f"a noise schedule of {timesteps} timesteps"]

    def latent_channels(self, transformer: Config) -> int:
        """16 for CogVideoX-2b."""
        return int(transformer["out_channels"])

    def text_size(self, transformer: Config) -> tuple[int, int]:
        """226 tokens, 4096 wide, for CogVideoX-2b."""
        return int(transformer["max_text_seq_length"]), int(transformer["text_embed_dim"])

    def native_size(self, transformer: Config) -> tuple[tuple[int, int], int]:
        """720x480 and 49 frames for CogVideoX-2b."""
        width, height = (self.geometry.spatial_factor * transformer[name] for name in ("sample_width", "sample_height"))
        return (width, height), int(transformer["sample_frames"])

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """The size of the position table; diffusers computes it anew at each forward pass for any other size."""
        return {"sample_height": latent_size[0], "sample_width": latent_size[1], "sample_frames": frames}

    def resize_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Compute the position table for another clip size once instead of at every forward pass; in place."""
        if self.position_size(transformer) == (latent_size, frames):
            return
        embed = transformer.patch_embed
        embed.sample_height, embed.sample_width, embed.sample_frames = *latent_size, frames
        embed.pos_embedding = embed._get_positional_embeddings(*latent_size, frames, device=embed.pos_embedding.device)

    def position_size(self, transformer: CogVideoXTransformer3DModel) -> tuple[tuple[int, int], int]:
        """The latent size (rows, columns) and the frames that the position table was computed for."""
        embed = transformer.patch_embed
        return (embed.sample_height, embed.sample_width), embed.sample_frames

    def predict(
        self,
        transformer: Callable[..., Any],
        noisy_latents: Tensor,
        condition_latents: Tensor | None,
        mask: Tensor | None,
        prompt_embeds: Tensor,
        timesteps: Tensor,
    ) -> Tensor:
        """Concatenate noisy latents, condition latents and mask along the channels, in this order.

        All are [batch, latent frames, channels, rows, columns]; see `Family.predict`.
        """
        import torch

        hidden_states = noisy_latents
        if condition_latents is not None and mask is not None:
            hidden_states = torch.cat([noisy_latents, condition_latents, mask.to(noisy_latents)], dim=2)
        velocity: Tensor = transformer(hidden_states, prompt_embeds, timesteps, return_dict=False)[0]
        return velocity


COGVIDEOX_2B = CogVideoX2B()
