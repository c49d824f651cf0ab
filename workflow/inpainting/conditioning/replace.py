"""Known latents in place of the noisy ones outside the hole: what a base can do that was never trained to inpaint.

Latents that are partly known, such as in A. Lugmayr et al. 2022 (RePaint, arXiv 2201.09865), without its resampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inpainting.baselines.settings import ConditionSource, Fill
from inpainting.conditioning.conditioning import Conditioning

if TYPE_CHECKING:
    from torch import Tensor


class Replace(Conditioning):
    """The filled clip's latents, noised as the noisy ones are, in every cell that is free of the hole."""

    name = "replace"
    description = (
        "with no new channels, the filled clip's latents, noised, in place of the noisy ones outside the hole, at each "
        "step"
    )
    widens = False
    replaces = True
    fits_any_hole = True

    def source(self, fill: Fill) -> ConditionSource:
        """The filled clip."""
        return fill

    def channels(self, latent_channels: int, mask_channels: int) -> int:
        """Noisy latents alone."""
        return latent_channels

    def latents(self, noisy: Tensor, condition: Tensor, mask: Tensor, add_noise: Callable[[Tensor], Tensor]) -> Tensor:
        """The noisy latents in cells that hold any hole, the condition's, noised, in all others."""
        return noisy.where((mask > 0).any(dim=-3, keepdim=True), add_noise(condition))

    def beside(self, condition: Tensor, mask: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Nothing."""
        return None, None


REPLACE = Replace()
