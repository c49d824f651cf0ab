"""results/dataset/summary.json: counts and statistics of the audit. Written by `inpaint audit`, read by the report."""

from typing import ClassVar

from pydantic import BaseModel

from inpainting.artifacts.formats import JsonFile, Provenance


class Duplicates(BaseModel):
    """How many sequences were merged into the group of an earlier one because they are duplicates."""

    exact: int
    """Sequences whose frames are identical to an earlier one's, byte by byte."""
    near: int
    """Sequences whose true frames are similar, but not identical, to an earlier one's."""


class ReasonCount(BaseModel):
    """A reason of `artifacts.reasons.Reason`, and the number of sequences with it."""

    sequences: int
    rejects: bool
    meaning: str


class AuditSummary(JsonFile):
    """summary.json of the audit; groups, sizes and coverage count accepted sequences only."""

    wanted: ClassVar = "the summary.json of `inpaint audit`"

    sequences: int
    accepted: int
    rejected: int
    warned: int
    """Accepted sequences with a warning."""
    groups: int
    duplicates: Duplicates
    stray: int
    """Entries of the dataset's folder that are not sequences."""
    reasons: dict[str, ReasonCount]
    """By code, in the order of `Reason`."""
    findings: int
    """Rows of rejected.tsv and warnings.tsv."""
    sizes: dict[str, int]
    """Sequences by frame size, WIDTHxHEIGHT in pixels."""
    coverage: dict[str, float]
    """Quantiles of the sequences' mean mask coverage, 0..1, by name; empty if none is known."""
    effect_threshold: float
    """Input and truth counted as different above this many grey levels."""
    files: dict[str, str]
    """SHA-256 of rejected.tsv and warnings.tsv, by file name."""
    provenance: Provenance
    """The manifest's."""
