"""Settings of the fill in a condition's hole."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from inpainting.baselines.registry import FILLS
from inpainting.core.settings import Settings

if TYPE_CHECKING:
    Fill = str
    ConditionSource = str
else:
    Fill = Literal[tuple(FILLS)]
    ConditionSource = Literal[(*FILLS, "rgb")]
"""Fill: content of the dilated hole; ConditionSource: what the VAE encodes as the condition, the input with one of
these fills in its hole, or `rgb`, the unchanged input."""


class FillSettings(Settings):
    """How the hole is filled before the VAE encodes the condition."""

    fill: Fill = Field(
        "grey",
        description="Content of the dilated hole when the VAE encodes the condition: mid-grey, or a classical fill "
        f"that the model refines. {'; '.join(f'{name}: {fill.description}' for name, fill in FILLS.items())}.",
    )
