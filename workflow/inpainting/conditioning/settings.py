"""How the model is shown the clip that it inpaints."""

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
    """How the model is shown the clip that it inpaints."""

    conditioning: ConditioningName = Field(
        "concat",
        description="How the model sees the clip. "
        + "; ".join(f"{name}: {entry.description}" for name, entry in CONDITIONINGS.items())
        + ".",
    )
    mask_input: MaskInputName = Field(
        "area",
        description="The mask beside the latents, where there is one. "
        + "; ".join(f"{name}: {entry.description}" for name, entry in MASK_INPUTS.items())
        + ".",
    )

    @property
    def conditioning_entry(self) -> Conditioning:
        """The conditioning itself."""
        return CONDITIONINGS[self.conditioning]

    @property
    def mask_entry(self) -> MaskInput:
        """The mask that the model is shown or, where it is shown none, that tells which cells are free of the hole."""
        return MASK_INPUTS[self.mask_input] if self.conditioning_entry.widens else AREA

    @property
    def condition_source(self) -> ConditionSource:
        """What the VAE encodes as the condition: the name of the cached conditions that training takes."""
        return self.conditioning_entry.source(self.fill)

    def input_channels(self, latent_channels: int, geometry: Geometry) -> int:
        """Channels that a model takes in, by those of its latents."""
        return self.conditioning_entry.channels(latent_channels, self.mask_entry.channels(geometry))
