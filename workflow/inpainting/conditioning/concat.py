"""Condition latents and mask are concatenated to the noisy latents along the channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inpainting.baselines.settings import ConditionSource, Fill
from inpainting.conditioning.conditioning import Conditioning

if TYPE_CHECKING:
    from torch import Tensor


class Concat(Conditioning):
    """The clip with its hole filled, and the mask."""

    name = "concat"
    description = "latents of the filled clip and the mask are concatenated to the noisy latents"
    adds_channels = True
    replaces = False
    fits_any_hole = False

    def condition_source(self, fill: Fill) -> ConditionSource:
        """The filled clip."""
        return fill

    def input_channels(self, latent_channels: int, mask_channels: int) -> int:
        """Of noisy latents, condition latents and mask."""
        return 2 * latent_channels + mask_channels

    def noisy_input(
        self, noisy_latents: Tensor, condition_latents: Tensor, mask: Tensor, add_noise: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The noisy latents [..., channels, rows, columns], unchanged."""
        return noisy_latents

    def extra_channels(self, condition_latents: Tensor, mask: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Both, [..., channels, rows, columns]."""
        return condition_latents, mask


class ConcatRGB(Concat):
    """The unfilled input, and the mask."""

    name = "concat_rgb"
    description = (
        "latents of the unfilled input, with object and shadow, and the mask are concatenated to the noisy latents"
    )
    fits_any_hole = True

    def condition_source(self, fill: Fill) -> ConditionSource:
        """The input."""
        return "rgb"


CONCAT, CONCAT_RGB = Concat(), ConcatRGB()
