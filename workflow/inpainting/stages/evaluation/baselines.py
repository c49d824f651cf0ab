"""The classical methods that the learned ones are compared with, by the names that the tables have for them."""

from collections.abc import Callable
from typing import NamedTuple

from inpainting.baselines import classical
from inpainting.baselines.classical import Clip
from inpainting.video.masks import Hole


class Baseline(NamedTuple):
    """A method, and what the tables' readers are told about it."""

    fill: Callable[[Clip, Hole], Clip]
    description: str


BASELINES = {
    "masked_input": Baseline(classical.masked_input, "grey in the hole"),
    "telea": Baseline(classical.telea, "each frame alone, fast marching from the hole's edge (Telea 2004)"),
    "navier_stokes": Baseline(
        classical.navier_stokes, "each frame alone, isophotes carried inwards (Bertalmio et al. 2001)"
    ),
    "biharmonic": Baseline(classical.biharmonic, "each frame alone, the smoothest surface (Damelin, Hoang 2018)"),
    "temporal_median": Baseline(classical.temporal_median, "median over the frames in which the pixel is known"),
    "flow_propagation": Baseline(classical.flow_propagation, "known pixels carried into the hole along optical flow"),
}
