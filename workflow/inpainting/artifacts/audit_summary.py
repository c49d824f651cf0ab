"""results/dataset/summary.json: the audit in numbers. Written by `inpaint audit`, read by the report."""

from typing import ClassVar

from pydantic import BaseModel

from inpainting.artifacts.formats import JsonFile, Provenance


class Duplicates(BaseModel):
    """How many sequences were joined to a group because they show what another one shows."""

    exact: int
    """Sequences whose frames are the same, byte by byte, as an earlier one's."""
    near: int
    """Sequences whose true frames look like an earlier one's, and are not the same."""


class ReasonCount(BaseModel):
    """A reason of `artifacts.reasons.Reason`, and how often it was found."""

    sequences: int
    rejects: bool
    meaning: str


class AuditSummary(JsonFile):
    """summary.json of the audit; groups, sizes and coverage are of the accepted sequences."""

    wanted: ClassVar = "the summary.json of `inpaint audit`"

    sequences: int
    accepted: int
    rejected: int
    warned: int
    """Accepted sequences with a warning."""
    groups: int
    duplicates: Duplicates
    stray: int
    """Entries of the dataset's folder that are no sequences."""
    reasons: dict[str, ReasonCount]
    """By code, in the table's order."""
    findings: int
    """Rows of rejected.tsv and warnings.tsv."""
    sizes: dict[str, int]
    """Sequences by frame size, WIDTHxHEIGHT in pixels."""
    coverage: dict[str, float]
    """Quantiles of the sequences' mean mask coverage, 0 to 1, by name; empty where none is known."""
    effect_threshold: float
    """Grey levels from which input and truth counted as different."""
    files: dict[str, str]
    """SHA-256 of rejected.tsv and warnings.tsv, by file name."""
    provenance: Provenance
    """As the manifest's."""
