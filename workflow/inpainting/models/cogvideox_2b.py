"""CogVideoX-2b (Z. Yang et al. 2024, arXiv 2408.06072) and bases like it, such as models/nano.

Positions are sinusoids that are added to the tokens, in a table that is computed for one clip size. The transformer
takes no rotary embedding and no ofs, and text of a fixed number of tokens.
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
    takes = (
        "CogVideoX-2b and bases like it: sinusoidal positions, patches of one latent frame, as many channels in as "
        "out, a VAE of 8x8 pixels and 4 frames a latent cell, and v-prediction over 1000 timesteps"
    )
    geometry = Geometry(cell=8, stride=4, patch=2, frame_step=8)
    timesteps = 1000
    trained_in = ("float16",)

    def misfits(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """Reads the keys that tell the families apart; where one is absent, diffusers' default holds."""
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
        if transformer.get("patch_size", 2) != self.geometry.patch:
            found.append(f"patches of {transformer['patch_size']} latent cells")
        if transformer.get("ofs_embed_dim"):
            found.append("an ofs embedding")
        channels_in, channels_out = transformer.get("in_channels", 16), transformer.get("out_channels", 16)
        if channels_in != channels_out:
            found.append(f"{channels_in} channels in and {channels_out} out")
        return found + self._vae_misfits(vae, channels_out) + self._scheduler_misfits(scheduler)

    def _vae_misfits(self, vae: Config, channels: int) -> list[str]:
        if not vae:
            return []
        found = []
        blocks, stride = vae.get("block_out_channels", (128, 256, 256, 512)), vae.get("temporal_compression_ratio", 4)
        cell = 2 ** (len(blocks) - 1)
        if (cell, stride) != (self.geometry.cell, self.geometry.stride):
            found.append(f"a VAE of {cell}x{cell} pixels and {stride} frames a latent cell")
        if vae.get("latent_channels", 16) != channels:
            found.append(f"a VAE of {vae.get('latent_channels', 16)} channels for a transformer of {channels}")
        if vae.get("invert_scale_latents"):
            found.append("latents of inverted scale")
        return found

    def _scheduler_misfits(self, scheduler: Config) -> list[str]:
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

    def made_for(self, transformer: Config) -> tuple[tuple[int, int], int]:
        """720x480 and 49 frames for CogVideoX-2b."""
        width, height = (self.geometry.cell * transformer[name] for name in ("sample_width", "sample_height"))
        return (width, height), int(transformer["sample_frames"])

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """The size that the table of positions is computed for; for others it would be computed at each forward."""
        return {"sample_height": latent_size[0], "sample_width": latent_size[1], "sample_frames": frames}

    def lay_out_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Compute the table of positions for clips of another size once, and not at every forward."""
        if self.laid_out_for(transformer) == (latent_size, frames):
            return
        embed = transformer.patch_embed
        embed.sample_height, embed.sample_width, embed.sample_frames = *latent_size, frames
        embed.pos_embedding = embed._get_positional_embeddings(*latent_size, frames, device=embed.pos_embedding.device)

    def laid_out_for(self, transformer: CogVideoXTransformer3DModel) -> tuple[tuple[int, int], int]:
        """The size that the table of positions was computed for."""
        embed = transformer.patch_embed
        return (embed.sample_height, embed.sample_width), embed.sample_frames

    def predict(
        self,
        transformer: Callable[..., Any],
        latents: Tensor,
        condition: Tensor | None,
        mask: Tensor | None,
        prompt: Tensor,
        timesteps: Tensor,
    ) -> Tensor:
        """Noisy latents, condition latents and mask are one tensor, in this order along the channels."""
        import torch

        if condition is not None and mask is not None:
            latents = torch.cat([latents, condition, mask.to(latents)], dim=2)
        velocity: Tensor = transformer(latents, prompt, timesteps, return_dict=False)[0]
        return velocity


COGVIDEOX_2B = CogVideoX2B()
