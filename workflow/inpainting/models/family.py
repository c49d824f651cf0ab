"""What differs from one model family to the next. A family is one file that implements `Family`; all else asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from diffusers import CogVideoXTransformer3DModel
    from torch import Tensor

Config = Mapping[str, Any]
"""A part's configuration, as its config.json or a loaded model has it."""


@dataclass(frozen=True)
class Geometry:
    """How pixels become latents, and latents become tokens."""

    cell: int
    """Pixels of a latent cell, down and across."""
    stride: int
    """Frames of a latent frame; a clip's first frame has a latent frame of its own."""
    patch: int
    """Latent cells of a token, down and across."""
    frame_step: int
    """Clips of 1 + k * frame_step frames come back from the VAE at their length; others do not."""

    @property
    def grid(self) -> int:
        """Pixels that the sizes of frames have to be multiples of."""
        return self.cell * self.patch

    def latent_frames(self, frames: int) -> int:
        """Latent frames of a clip."""
        return (frames - 1) // self.stride + 1

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of latent cells of frames in pixels, whose sizes are padded to the grid."""
        rows, columns = (-(-side // self.grid) * self.patch for side in (height, width))
        return rows, columns

    def padded_frames(self, frames: int, window: int) -> int:
        """Frames that a clip is padded to before it is encoded: `window`, or for shorter clips the next legal count."""
        return window if frames >= window else -(-(frames - 1) // self.frame_step) * self.frame_step + 1

    def check_window(self, frames: int) -> None:
        """Raise ValueError where windows of so many frames do not come back from the VAE at their length."""
        beyond = (frames - 1) % self.frame_step
        if beyond:
            legal = f"{self.frame_step}k+1, such as {frames - beyond} or {frames - beyond + self.frame_step}"
            raise ValueError(f"{frames} frames do not survive the VAE; use {legal}")


class Family(Protocol):
    """A model family. Latents are [batch, latent frames, channels, rows, columns]; their sizes are (rows, columns)."""

    name: str
    takes: str
    """The bases that it takes, in a few words."""
    geometry: Geometry
    timesteps: int
    """Noise levels that it was trained with: timesteps are 0 to timesteps - 1."""
    trained_in: tuple[str, ...]
    """Precisions of the weights in which it was trained, besides float32."""

    def misfits(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """What a base of these configurations has that the family does not know: nothing where it is of the family."""
        ...

    def latent_channels(self, transformer: Config) -> int:
        """Channels of the latents that a base denoises."""
        ...

    def text_size(self, transformer: Config) -> tuple[int, int]:
        """Tokens that a text is padded to, and the width of each token's embedding."""
        ...

    def made_for(self, transformer: Config) -> tuple[tuple[int, int], int]:
        """The frame size (width, height) in pixels, and the number of frames, that a base was trained at."""
        ...

    def position_config(self, latent_size: tuple[int, int], frames: int) -> dict[str, int]:
        """What to change in a transformer's configuration before it is loaded for windows of `frames` frames."""
        ...

    def lay_out_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Prepare a loaded transformer for clips of another size; in place."""
        ...

    def laid_out_for(self, transformer: CogVideoXTransformer3DModel) -> tuple[tuple[int, int], int]:
        """The latent size, and the frames of a window, that a transformer is prepared for."""
        ...

    def predict(
        self,
        transformer: Callable[..., Any],
        latents: Tensor,
        condition: Tensor | None,
        mask: Tensor | None,
        prompt: Tensor,
        timesteps: Tensor,
    ) -> Tensor:
        """The velocity that the transformer predicts.

        latents: noisy ones; condition, mask: what is shown beside them, where the model is widened; prompt: [batch,
        tokens, width]; timesteps: int64 [batch].
        """
        ...
