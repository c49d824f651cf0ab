"""What every conditioning says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from inpainting.baselines.settings import ConditionSource, Fill

if TYPE_CHECKING:
    from torch import Tensor


class Conditioning(Protocol):
    """How a model is shown the clip that it inpaints, by the same functions in training and in inference.

    noisy, condition: latents [..., channels, rows, columns]; mask: what a `MaskInput` makes of the hole, [..., its
    channels, rows, columns].
    """

    name: str
    description: str
    """What the model sees, for the option's help."""
    widens: bool
    """Whether condition latents and mask come in through new channels: the patch embedding is widened, and trains."""
    replaces: bool
    """Whether condition latents take the place of noisy ones."""
    fits_any_hole: bool
    """Whether the same condition latents do for another hole than the one that they were encoded with."""

    def source(self, fill: Fill) -> ConditionSource:
        """What the VAE encodes as the condition, by the fill that the settings ask for."""
        ...

    def channels(self, latent_channels: int, mask_channels: int) -> int:
        """Channels that the model takes in."""
        ...

    def latents(self, noisy: Tensor, condition: Tensor, mask: Tensor, add_noise: Callable[[Tensor], Tensor]) -> Tensor:
        """What the model gets as its noisy latents; add_noise: gives clean latents the noise that these have."""
        ...

    def beside(self, condition: Tensor, mask: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Condition latents and mask as the model gets them beside its noisy latents; None where it gets none."""
        ...
