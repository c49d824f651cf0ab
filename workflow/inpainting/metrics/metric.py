"""What the entry of a metric says: all that scoring, pooling and the tables know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

import pandas as pd

from inpainting.artifacts.examples import Output
from inpainting.metrics.pooling import Pooled
from inpainting.metrics.regions import Regions
from inpainting.video.clip import Frames

PERCEPTION = "Motion, and what a viewer would notice"
"""Heading of a table that several metrics share."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Reference:
    """What the outputs of a sequence are scored against: truth, uint8 [frames, height, width, 3], and the regions."""

    truth: Frames
    regions: Regions
    _made: dict[object, object] = field(default_factory=dict, repr=False)

    def once(self, make: Callable[[Frames], Made]) -> Made:
        """`make(truth)`, made once for all outputs that are scored."""
        if make not in self._made:
            self._made[make] = make(self.truth)
        return cast(Made, self._made[make])


@dataclass(frozen=True)
class TableColumn:
    """A column of the tables: the mean over sequences of one column of theirs, for one output.

    part: heading of the table that it stands in, which metrics share; digits: decimals where no interval says how many
    are worth showing, and at most; better: whether more ("high") or less ("low") is better, or neither (""); unit: what
    the values are shown as multiples of.
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
        """The column's name in metrics.tsv."""
        return f"{self.column}_{self.output}"


@dataclass(frozen=True)
class Metric:
    """A family of scores that are computed together."""

    name: str
    title: str
    """What sentences call it."""
    columns: tuple[str, ...] = ()
    """What is written per frame, in this order."""
    score: Callable[[Frames, Reference], pd.DataFrame] | None = None
    """From an output, uint8 [frames, height, width, 3], to a row per frame with `columns`; None for what is not
    computed from frames."""
    pooled: Mapping[str, Pooled] = field(default_factory=dict)
    """What is kept per sequence, by column."""
    outputs: tuple[Output, ...] = ("raw", "composited")
    """Which outputs it is computed of; the rows of others have no value."""
    composites_itself: bool = False
    """Whether it pastes the hole by a rule of its own: it gets the raw frames where others get the composited ones."""
    shown: tuple[TableColumn, ...] = ()
    """What the table of all metrics shows of it."""
    headline: tuple[TableColumn, ...] = ()
    """What the comparison of methods shows of it: columns of the raw output, each with its interval."""
    headline_note: str = ""
    """What the readers of that comparison have to know of it."""
    notes: tuple[str, ...] = ()
    """What the readers of the table of all metrics have to know of it."""
    extra: str = ""
    """For a metric that `evaluation.extras` may leave out: what it tells, in that setting's help."""
    needs: str = ""
    """For a metric of the field that is not computed here: what it would need."""
