"""Settings of the conditioning: what the model gets besides noise."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from inpainting.baselines.settings import ConditionSource, FillSettings
from inpainting.conditioning.conditioning import Conditioning
from inpainting.conditioning.mask_inputs import AREA, MaskInput
from inpainting.conditioning.registry import CONDITIONINGS, MASK_INPUTS
from inpainting.models.family import Geometry

if TYPE_CHECKING:
    ConditioningName = str
    MaskInputName = str
else:
    ConditioningName = Literal[tuple(CONDITIONINGS)]
    MaskInputName = Literal[tuple(MASK_INPUTS)]


class ConditionSettings(FillSettings):
    """What the model gets of the clip that it inpaints."""

    conditioning: ConditioningName = Field(
        "concat",
        description="What the model gets of the clip. "
        + "; ".join(f"{name}: {entry.description}" for name, entry in CONDITIONINGS.items())
        + ".",
    )
    mask_input: MaskInputName = Field(
        "area",
        description="The mask channels, where the conditioning has any. "
        + "; ".join(f"{name}: {entry.description}" for name, entry in MASK_INPUTS.items())
        + ".",
    )

    @property
    def conditioning_entry(self) -> Conditioning:
        """The conditioning of that name."""
        return CONDITIONINGS[self.conditioning]

    @property
    def mask_entry(self) -> MaskInput:
        """The mask encoding; without mask channels, the one that marks the latents in the hole."""
        return MASK_INPUTS[self.mask_input] if self.conditioning_entry.adds_channels else AREA

    @property
    def condition_source(self) -> ConditionSource:
        """What the VAE encodes as the condition; also the name of the cached conditions."""
        return self.conditioning_entry.condition_source(self.fill)

    def input_channels(self, latent_channels: int, geometry: Geometry) -> int:
        """Input channels of a model with so many latent channels."""
        return self.conditioning_entry.input_channels(latent_channels, self.mask_entry.channels(geometry))
