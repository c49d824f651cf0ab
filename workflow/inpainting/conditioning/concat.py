"""Condition latents and mask beside the noisy latents, through new channels of the patch embedding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inpainting.baselines.settings import ConditionSource, Fill
from inpainting.conditioning.conditioning import Conditioning

if TYPE_CHECKING:
    from torch import Tensor


class Concat(Conditioning):
    """The clip with its hole filled, and where the hole is."""

    name = "concat"
    description = "latents of the filled clip, and the mask, beside the noisy latents"
    widens = True
    replaces = False
    fits_any_hole = False

    def source(self, fill: Fill) -> ConditionSource:
        """The filled clip."""
        return fill

    def channels(self, latent_channels: int, mask_channels: int) -> int:
        """Noisy latents, condition latents and mask."""
        return 2 * latent_channels + mask_channels

    def latents(self, noisy: Tensor, condition: Tensor, mask: Tensor, add_noise: Callable[[Tensor], Tensor]) -> Tensor:
        """The noisy latents as they are."""
        return noisy

    def beside(self, condition: Tensor, mask: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Both."""
        return condition, mask


class ConcatRGB(Concat):
    """The input as it is, hole and all, and where the hole is."""

    name = "concat_rgb"
    description = "latents of the input as it is, object and shadow in it, and the mask, beside the noisy latents"
    fits_any_hole = True

    def source(self, fill: Fill) -> ConditionSource:
        """The input."""
        return "rgb"


CONCAT, CONCAT_RGB = Concat(), ConcatRGB()
