"""Known latents replace the noisy ones outside the hole at each step; works with a base that is not trained to inpaint.

As in RePaint (A. Lugmayr et al. 2022, arXiv 2201.09865), without its resampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inpainting.baselines.settings import ConditionSource, Fill
from inpainting.conditioning.conditioning import Conditioning

if TYPE_CHECKING:
    from torch import Tensor


class Replace(Conditioning):
    """Outside the hole, the filled clip's latents with the noise of the current step replace the noisy ones."""

    name = "replace"
    description = (
        "no extra channels; at each step the filled clip's latents, with noise added, replace the noisy ones outside "
        "the hole"
    )
    adds_channels = False
    replaces = True
    fits_any_hole = True

    def condition_source(self, fill: Fill) -> ConditionSource:
        """The filled clip."""
        return fill

    def input_channels(self, latent_channels: int, mask_channels: int) -> int:
        """Of the noisy latents alone."""
        return latent_channels

    def noisy_input(
        self, noisy_latents: Tensor, condition_latents: Tensor, mask: Tensor, add_noise: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The noisy latents where the mask is more than 0, elsewhere the condition latents with noise added.

        All are [..., channels, rows, columns].
        """
        return noisy_latents.where((mask > 0).any(dim=-3, keepdim=True), add_noise(condition_latents))

    def extra_channels(self, condition_latents: Tensor, mask: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """(None, None): the input has no more channels."""
        return None, None


REPLACE = Replace()
