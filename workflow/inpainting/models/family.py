"""What differs between model families. A family is one file that implements `Family`; all other code asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

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


class Family(Protocol):
    """A model family. Latents are [batch, latent frames, channels, rows, columns]; latent sizes are (rows, columns)."""

    name: str
    features: str
    """What distinguishes its bases from those of other families, for error messages."""
    geometry: Geometry
    timesteps: int
    """Number of training timesteps, which are 0 to timesteps - 1."""
    trained_in: tuple[str, ...]
    """Weight precisions of the published training, besides float32."""
    condition_channels: int
    """Input channels of the base for condition latents and mask; 0: the patch embedding has to be widened for them."""
    unadapted: Mapping[str, str]
    """Names of conditioning, fill and mask input for the base without an adapter (see `ConditionSettings`)."""

    def unsupported(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """Features of a base with these configurations that the family does not support; empty for its own bases."""
        ...

    def latent_channels(self, transformer: Config) -> int:
        """Channels of a base's latents."""
        ...

    def text_size(self, transformer: Config) -> tuple[int, int]:
        """(tokens that texts are padded to, width of a token's embedding)."""
        ...

    def native_size(self, transformer: Config) -> tuple[tuple[int, int], int]:
        """The frame size (width, height) in pixels and the number of frames that a base was trained with."""
        ...

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """Changes to a transformer's configuration that prepare it for windows of `frames` frames when it is loaded."""
        ...

    def resize_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Prepare a loaded transformer's position embeddings for another clip size; in place."""
        ...

    def position_size(self, transformer: CogVideoXTransformer3DModel) -> tuple[tuple[int, int], int]:
        """The latent size (rows, columns) and the frames of a window that a transformer is prepared for."""
        ...

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
        tokens, width]; timesteps: int64 [batch].
        """
        ...
