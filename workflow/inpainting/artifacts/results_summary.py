"""results/tables/summary.json: the comparison's result in numbers and in one sentence. Written by `inpaint tables`."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from inpainting.artifacts.formats import JsonFile


class MethodRow(BaseModel):
    """A row of comparison.tsv with all its columns; None stands for what is not known."""

    model_config = ConfigDict(extra="allow")

    method: str
    kind: str
    psnr_mask: float | None


class Gain(BaseModel):
    """How much higher a PSNR is than another over the same sequences, in dB, with its 95 % interval."""

    mean: float | None
    low: float | None
    high: float | None


class ResultsSummary(JsonFile):
    """summary.json of the tables. The headline method is the best adapter, or the best of all where there is none."""

    wanted: ClassVar = "the summary.json of `inpaint tables`"

    sentence: str
    """The result as a person reads it."""
    split: str
    """Which sequences were scored."""
    sequences: int
    seed: int
    """Of the intervals."""
    best: MethodRow | None
    """The best method of all but the ceiling."""
    adapter: MethodRow | None
    """The best of its kind, as the next three."""
    classical: MethodRow | None
    base: MethodRow | None
    ceiling: MethodRow | None
    gain_over_classical: Gain | None
    """Of the headline method over the best classical one."""
    gain_over_base: Gain | None
    methods: list[MethodRow]
    """The comparison's rows."""
    files: dict[str, str]
    """SHA-256 of the tables of text that were written with it, by file name."""
