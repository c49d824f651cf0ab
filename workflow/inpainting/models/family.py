"""What differs between model families: a family is one file with a subclass of `Family`; all other code asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inpainting.models.rotary import rotary_embeddings

if TYPE_CHECKING:
    from diffusers import CogVideoXTransformer3DModel
    from torch import Tensor

Config = Mapping[str, Any]
"""Configuration of the transformer, the VAE or the scheduler: its config.json, or a loaded model's `config`."""


@dataclass(frozen=True)
class Geometry:
    """How the VAE compresses pixels to latents and how the transformer groups latents into tokens."""

    spatial_factor: int
    """Pixels per latent along height and width (diffusers: vae_scale_factor_spatial)."""
    temporal_factor: int
    """Frames per latent frame (vae_scale_factor_temporal); a clip's first frame has a latent frame of its own."""
    patch_size: int
    """Latents per token along height and width."""
    frame_step: int
    """The VAE keeps the length of clips of 1 + k * frame_step frames, and of no others."""

    @property
    def grid(self) -> int:
        """Frame height and width must be multiples of this many pixels."""
        return self.spatial_factor * self.patch_size

    def latent_frames(self, frames: int) -> int:
        """Number of latent frames of a clip of `frames` frames."""
        return (frames - 1) // self.temporal_factor + 1

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Latent (rows, columns) of frames of a size in pixels, after padding to the grid."""
        rows, columns = (-(-side // self.grid) * self.patch_size for side in (height, width))
        return rows, columns

    def padded_frames(self, frames: int, window: int) -> int:
        """Frames that a clip is padded to before encoding: `window`, or for a shorter clip the next valid count."""
        return window if frames >= window else -(-(frames - 1) // self.frame_step) * self.frame_step + 1

    def check_window(self, frames: int) -> None:
        """Raise ValueError if the VAE does not keep the length of windows of `frames` frames."""
        beyond = (frames - 1) % self.frame_step
        if beyond:
            valid = f"{self.frame_step}k+1, such as {frames - beyond} or {frames - beyond + self.frame_step}"
            raise ValueError(f"{frames} frames do not keep their length in the VAE; use {valid}")


class Family:
    """CogVideoX (Z. Yang et al. 2024, arXiv 2408.06072), as far as its families have it in common.

    A family overrides the attributes, the positions, and `model_input` where its base takes a condition. Latents are
    [batch, latent frames, channels, rows, columns]; latent sizes are (rows, columns).
    """

    name: str
    features: str
    """What distinguishes its bases from those of other families, for error messages."""
    trained_in: tuple[str, ...]
    """Weight precisions of the published training, besides float32."""
    geometry = Geometry(spatial_factor=8, temporal_factor=4, patch_size=2, frame_step=8)
    timesteps = 1000
    """Number of training timesteps, which are 0 to timesteps - 1."""
    condition_channels = 0
    """Input channels of the base for condition latents and mask; 0: the patch embedding has to be widened for them."""
    unadapted: Mapping[str, str] = {"conditioning": "replace"}
    """Names of conditioning, fill and mask input for the base without an adapter (see `ConditionSettings`)."""
    rotary = False
    """Whether positions are rotary embeddings in the attention; otherwise a table is added to the tokens."""
    temporal_patch: int | None = None
    """Latent frames per token; None for the patch embedding of CogVideoX 1.0, a convolution over one latent frame."""
    inverted_scale = False
    """Whether the VAE's configuration may say `invert_scale_latents`."""

    def unsupported(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """Features of a base with these configurations that the family does not support; empty for its own bases.

        Reads the keys that distinguish the families; an absent key has diffusers' default.
        """
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
        """Channels of a base's latents: 16 for the published models."""
        return int(transformer["out_channels"])

    def text_size(self, transformer: Config) -> tuple[int, int]:
        """(tokens that texts are padded to, width of a token's embedding): (226, 4096) for CogVideoX-2b and 5b."""
        return int(transformer["max_text_seq_length"]), int(transformer["text_embed_dim"])

    def native_size(self, transformer: Config) -> tuple[tuple[int, int], int]:
        """The frame size (width, height) in pixels and the number of frames that a base was trained with.

        ((720, 480), 49) for CogVideoX-2b and 5b.
        """
        width, height = (self.geometry.spatial_factor * transformer[name] for name in ("sample_width", "sample_height"))
        return (width, height), int(transformer["sample_frames"])

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """Changes to a transformer's configuration that prepare it for windows of `frames` frames when it is loaded.

        None by default: the configuration's clip size is what positions are scaled to.
        """
        return {}

    def resize_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Prepare a loaded transformer's position embeddings for another clip size; in place.

        By default the size is noted; rotary positions are computed by `predict` from the size of its input.
        """
        embed = transformer.patch_embed
        embed.sample_height, embed.sample_width, embed.sample_frames = *latent_size, frames

    def position_size(self, transformer: CogVideoXTransformer3DModel) -> tuple[tuple[int, int], int]:
        """The latent size (rows, columns) and the frames of a window that a transformer is prepared for."""
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
        """The velocity that the transformer predicts, [batch, latent frames, latent channels, rows, columns].

        noisy_latents: of the same shape; condition_latents: likewise, and mask: [batch, latent frames, mask channels,
        rows, columns], the share that is hole, both None where the transformer takes neither; prompt_embeds: [batch,
        tokens, width]; timesteps: int64 [batch]. The first latent frame is repeated where their number does not fill
        the tokens.
        """
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
