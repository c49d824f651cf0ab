"""The registry entry of a metric: how it is computed, pooled over frames and shown in tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import pandas as pd

from inpainting.artifacts.examples import Output
from inpainting.metrics.pooling import Pooled
from inpainting.metrics.regions import Regions
from inpainting.video.clip import Frames

if TYPE_CHECKING:  # it imports torch
    from inpainting.metrics.networks import Networks

PERCEPTION_HEADING = "Motion and perceived quality"
"""Heading of the table that motion metrics and VMAF share."""

Computed = TypeVar("Computed")


@dataclass(frozen=True)
class Reference:
    """The truth, uint8 [frames, height, width, 3], and the regions in which a sequence's outputs are scored.

    networks: for the metrics that need weights.
    """

    truth: Frames
    regions: Regions
    networks: "Networks | None" = None
    _cache: dict[object, object] = field(default_factory=dict, repr=False)

    def cached(self, compute: Callable[[Frames], Computed]) -> Computed:
        """`compute(truth)`, computed once and shared by all outputs of the sequence."""
        if compute not in self._cache:
            self._cache[compute] = compute(self.truth)
        return cast(Computed, self._cache[compute])


@dataclass(frozen=True)
class TableColumn:
    """A table column: the mean over sequences of one pooled column, for one output.

    part: heading of its table, which metrics may share; digits: maximum number of decimals, and the number if there is
    no interval to round by; better: whether higher ("high") or lower ("low") values are better, or neither (""); unit:
    values are divided by it for display.
    """

    column: str
    output: Output
    part: str
    heading: str
    digits: int = 1
    better: Literal["high", "low", ""] = ""
    unit: float = 1.0

    @property
    def name(self) -> str:
        """Column name in metrics.tsv."""
        return f"{self.column}_{self.output}"


@dataclass(frozen=True)
class Metric:
    """A family of scores that are computed together."""

    name: str
    title: str
    """Name in sentences."""
    columns: tuple[str, ...] = ()
    """Columns of the scores of frames, in this order."""
    score: Callable[[Frames, Reference], pd.DataFrame] | None = None
    """Function from an output, uint8 [frames, height, width, 3], and the reference to a table with one row per frame
    and `columns`; None if the values are not computed from frames."""
    pooled: Mapping[str, Pooled] = field(default_factory=dict)
    """Scores of sequences by column: how each is pooled from the scores of frames."""
    outputs: tuple[Output, ...] = ("raw", "composited")
    """Outputs that it is computed for; rows of other outputs hold NaN."""
    composites_itself: bool = False
    """Whether it composites by its own rule: it then gets the raw frames in place of the composited ones."""
    shown: tuple[TableColumn, ...] = ()
    """Its columns in the table of all metrics."""
    headline: tuple[TableColumn, ...] = ()
    """Its columns in the comparison of methods: of the raw output, each with its interval."""
    headline_note: str = ""
    """Caption text for the comparison of methods."""
    notes: tuple[str, ...] = ()
    """Caption texts for the table of all metrics."""
    extra: str = ""
    """For a metric that `evaluation.extras` turns on: its description in that setting's help."""
    weights: tuple[str, ...] = ()
    """Settings that name the weights it needs (`metrics.settings.WeightsSettings`); it is computed if all are found."""
    needs: str = ""
    """For a published metric that is not computed: the packages or weights that it would need."""
