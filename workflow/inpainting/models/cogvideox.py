"""What the CogVideoX families have in common (Z. Yang et al. 2024, arXiv 2408.06072)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from inpainting.models.family import Config, Family, Geometry
from inpainting.models.rotary import rotary_embeddings

if TYPE_CHECKING:
    from diffusers import CogVideoXTransformer3DModel
    from torch import Tensor


class CogVideoX(Family):
    """A family overrides the attributes below, the positions, and `model_input` where its base takes a condition."""

    geometry = Geometry(spatial_factor=8, temporal_factor=4, patch_size=2, frame_step=8)
    timesteps = 1000
    condition_channels = 0
    unadapted: Mapping[str, str] = {"conditioning": "replace"}
    rotary = False
    """Whether positions are rotary embeddings in the attention; otherwise a table is added to the tokens."""
    temporal_patch: int | None = None
    """Latent frames per token; None for the patch embedding of CogVideoX 1.0, a convolution over one latent frame."""
    inverted_scale = False
    """Whether the VAE's configuration may say `invert_scale_latents`."""

    def unsupported(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """Reads the keys that distinguish the families; an absent key has diffusers' default."""
        kind = transformer.get("_class_name", "CogVideoXTransformer3DModel")
        if kind != "CogVideoXTransformer3DModel":
            return [f"a transformer of the class {kind}"]
        found = []
        if bool(transformer.get("use_rotary_positional_embeddings")) != self.rotary:
            found.append("sinusoidal positions" if self.rotary else "rotary positions")
        if transformer.get("use_learned_positional_embeddings"):
            found.append("learned positions")
        patch, temporal_patch = transformer.get("patch_size", 2), transformer.get("patch_size_t")
        if temporal_patch != self.temporal_patch:
            found.append(f"patches of {temporal_patch or 1} latent frame{'s' * (temporal_patch not in (None, 1))}")
        if patch != self.geometry.patch_size:
            found.append(f"patches of {patch} latent cell{'s' * (patch != 1)}")
        if transformer.get("ofs_embed_dim"):
            found.append("an ofs embedding")
        channels_in, channels_out = transformer.get("in_channels", 16), transformer.get("out_channels", 16)
        if channels_in != channels_out + self.condition_channels:
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
        if vae.get("invert_scale_latents") and not self.inverted_scale:
            found.append("latents of inverted scale")
        return found

    def _scheduler_unsupported(self, scheduler: Config) -> list[str]:
        if not scheduler:
            return []
        prediction, timesteps = scheduler.get("prediction_type", "epsilon"), scheduler.get("num_train_timesteps", 1000)
        found = [] if prediction == "v_prediction" else [f"a noise schedule of {prediction} prediction"]
        return found if timesteps == self.timesteps else [*found, f"a noise schedule of {timesteps} timesteps"]

    def latent_channels(self, transformer: Config) -> int:
        """16 for the published models."""
        return int(transformer["out_channels"])

    def text_size(self, transformer: Config) -> tuple[int, int]:
        """226 tokens, 4096 wide, for CogVideoX-2b and 5b."""
        return int(transformer["max_text_seq_length"]), int(transformer["text_embed_dim"])

    def native_size(self, transformer: Config) -> tuple[tuple[int, int], int]:
        """720x480 and 49 frames for CogVideoX-2b and 5b."""
        width, height = (self.geometry.spatial_factor * transformer[name] for name in ("sample_width", "sample_height"))
        return (width, height), int(transformer["sample_frames"])

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """Nothing: the configuration's clip size is what positions are scaled to."""
        return {}

    def resize_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Note the clip size; rotary positions are computed by `predict` from the size of its input."""
        embed = transformer.patch_embed
        embed.sample_height, embed.sample_width, embed.sample_frames = *latent_size, frames

    def position_size(self, transformer: CogVideoXTransformer3DModel) -> tuple[tuple[int, int], int]:
        """The latent size (rows, columns) and the frames that `resize_positions` was last called with."""
        embed = transformer.patch_embed
        return (embed.sample_height, embed.sample_width), embed.sample_frames

    def model_input(self, noisy_latents: Tensor, condition_latents: Tensor, mask: Tensor) -> Tensor:
        """Noisy latents, condition latents and mask, concatenated along the channels in this order.

        All are [batch, latent frames, channels, rows, columns].
        """
        import torch

        return torch.cat([noisy_latents, condition_latents, mask], dim=2)

    def predict(
        self,
        transformer: Callable[..., Any],
        noisy_latents: Tensor,
        condition_latents: Tensor | None,
        mask: Tensor | None,
        prompt_embeds: Tensor,
        timesteps: Tensor,
    ) -> Tensor:
        """See `Family.predict`; the first latent frame is repeated where their number does not fill the tokens."""
        import torch

        hidden_states = noisy_latents
        if condition_latents is not None and mask is not None:
            hidden_states = self.model_input(noisy_latents, condition_latents, mask.to(noisy_latents))
        repeated = -hidden_states.shape[1] % (self.temporal_patch or 1)
        if repeated:
            hidden_states = torch.cat([*[hidden_states[:, :1]] * repeated, hidden_states], dim=1)
        positions = {}
        if self.rotary:
            unwrapped: Any = getattr(transformer, "module", transformer)
            positions["image_rotary_emb"] = rotary_embeddings(unwrapped.config, hidden_states)
        velocity: Tensor = transformer(hidden_states, prompt_embeds, timesteps, return_dict=False, **positions)[0]
        return velocity[:, repeated:]
