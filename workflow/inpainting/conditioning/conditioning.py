"""The interface of a conditioning."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from inpainting.baselines.settings import ConditionSource, Fill

if TYPE_CHECKING:
    from torch import Tensor


class Conditioning(Protocol):
    """How the clip to inpaint enters the model; training and inference call the same functions.

    noisy_latents, condition_latents: [..., channels, rows, columns]; mask: a hole as a `MaskInput` encodes it, [...,
    mask channels, rows, columns].
    """

    name: str
    description: str
    """What the model gets, for the option's help."""
    adds_channels: bool
    """Whether condition latents and mask are input channels: where the base has none for them, its patch embedding is
    widened and trained."""
    replaces: bool
    """Whether `noisy_input` puts condition latents in place of noisy ones."""
    fits_any_hole: bool
    """Whether condition latents remain valid when the hole changes."""

    def condition_source(self, fill: Fill) -> ConditionSource:
        """What the VAE encodes as the condition; fill: of the settings."""
        ...

    def input_channels(self, latent_channels: int, mask_channels: int) -> int:
        """Input channels of the model."""
        ...

    def noisy_input(
        self, noisy_latents: Tensor, condition_latents: Tensor, mask: Tensor, add_noise: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The noisy latents that the model gets; add_noise: adds noise of the current timestep to clean latents."""
        ...

    def extra_channels(self, condition_latents: Tensor, mask: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Condition latents and mask to concatenate to the noisy latents along the channels; None for neither."""
        ...
