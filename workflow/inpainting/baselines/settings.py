"""What a condition shows under the hole."""

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
"""Fill: what lies under the dilated hole; ConditionSource: what the VAE encodes as the condition, which is the input
with its hole filled, or `rgb`, the input as it is."""


class FillSettings(Settings):
    """What is put under the hole before the VAE encodes the masked clip."""

    fill: Fill = Field(
        "grey",
        description="What lies under the dilated hole before the VAE encodes the condition: mid-grey, or a classical "
        "fill that the model refines. "
        + "; ".join(f"{name}: {baseline.description}" for name, baseline in FILLS.items())
        + ".",
    )
