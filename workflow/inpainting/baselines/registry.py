"""All classical methods by name; some of them are also fills of conditions."""

from inpainting.baselines.baseline import Baseline
from inpainting.baselines.flow_propagation import FLOW_PROPAGATION
from inpainting.baselines.per_frame import BIHARMONIC, BLACK, MASKED_INPUT, NAVIER_STOKES, TELEA
from inpainting.baselines.temporal_median import TEMPORAL_MEDIAN

BASELINES: dict[str, Baseline] = {
    baseline.name: baseline
    for baseline in (
        FLOW_PROPAGATION,
        TEMPORAL_MEDIAN,
        NAVIER_STOKES,
        TELEA,
        BIHARMONIC,
        MASKED_INPUT,
    )
}

FILLS: dict[str, Baseline] = {fill.condition: fill for fill in (*BASELINES.values(), BLACK) if fill.condition}
"""The fills of conditions, by the condition's name; most are methods."""
