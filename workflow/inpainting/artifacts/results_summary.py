"""results/tables/summary.json: the comparison's result, as numbers and as a sentence. Written by `inpaint tables`."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from inpainting.artifacts.formats import JsonFile


class MethodRow(BaseModel):
    """A row of comparison.tsv with all its columns; None is an unknown value."""

    model_config = ConfigDict(extra="allow")

    method: str
    kind: str
    psnr_mask: float | None


class Gain(BaseModel):
    """Mean difference of two methods' PSNR over the same sequences, in dB, with its 95 % interval."""

    mean: float | None
    low: float | None
    high: float | None


class ResultsSummary(JsonFile):
    """summary.json of the tables. The headline method is the best adapter, or without adapters the best method."""

    wanted: ClassVar = "the summary.json of `inpaint tables`"

    sentence: str
    """The result in words."""
    verdict: str
    """Whether the headline method differs from the best classical one by more than chance, in words; "" without one."""
    split: str
    """The split that was scored."""
    sequences: int
    seed: int
    """Seed of the bootstrap intervals."""
    best: MethodRow | None
    """The best method, ceilings excluded."""
    adapter: MethodRow | None
    """The best method of this kind; the next three likewise."""
    classical: MethodRow | None
    base: MethodRow | None
    ceiling: MethodRow | None
    gain_over_classical: Gain | None
    """Gain of the headline method over the best classical one."""
    gain_over_base: Gain | None
    methods: list[MethodRow]
    """All rows of the comparison."""
    files: dict[str, str]
    """SHA-256 of the text tables that were written with it, by file name."""
