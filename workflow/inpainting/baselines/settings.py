"""What a condition shows under the hole."""

from typing import Literal

from inpainting.core.settings import Settings

Fill = Literal["grey", "telea", "temporal_median", "flow_propagation"]
"""What lies under the dilated hole."""

Signal = Literal["grey", "telea", "temporal_median", "flow_propagation", "rgb"]
"""What the VAE encodes as the condition: the input with its hole filled, or `rgb`, the input as it is."""


class FillSettings(Settings):
    """What is put under the hole before the VAE encodes the masked clip."""

    fill: Fill = "grey"
    """What lies under the dilated hole before the VAE encodes the condition: mid-grey, or a classical fill that the
    model refines (telea: each frame alone; temporal_median, flow_propagation: from other frames of the clip)."""
