"""The audit's results for one sequence: its files (`Soundness`), its pixels (`Content`), its row of the manifest."""

from dataclasses import dataclass
from statistics import fmean
from typing import Any

from inpainting.artifacts.reasons import BY_CODE, Finding, codes

ACCEPTED, REJECTED = "accepted", "rejected"


@dataclass(frozen=True)
class Soundness:
    """Properties of a sequence's files, without analysing pixels."""

    frames: int
    """Leading frames that are readable in all three folders, at most the required number."""
    width: int
    height: int
    digest: str
    """SHA-256 over the frames' lengths and the checksums of their PNG chunks (for other formats, over the files'
    SHA-256): RGB, mask and truth of frame 1, then of frame 2, and so on. Empty at the level `header`."""
    findings: list[Finding]


@dataclass(frozen=True)
class Content:
    """Statistics of the analysed frames. Unknown values are empty or None."""

    coverage: list[float]
    """Share of hole pixels (not dilated) in each analysed mask, 0..1."""
    difference_inside: float | None
    """Mean |RGB - GT| over the hole's pixels (not dilated), 0..255."""
    difference_outside: float | None
    """Mean |RGB - GT| over all other pixels, 0..255."""
    effect_share: float | None
    """Share of the pixels outside the dilated hole where RGB and GT differ more than effect_threshold, 0..1."""
    camera_motion: float | None
    """Median over frames of the median optical flow of the truth, in pixels per frame: near 0 for a still camera."""
    mask_motion: float | None
    """Median over frames of the distance that the hole's centre moves, in pixels per frame."""
    look: str
    """Perceptual hashes of the first, middle and last true frame, 48 hex digits; empty if fewer than two are known."""
    findings: list[Finding]


NO_CONTENT = Content([], None, None, None, None, None, "", [])
"""The content of a sequence whose pixels were not analysed."""


@dataclass(frozen=True)
class Record:
    """A row of the manifest; columns without a description are explained in `Soundness` and `Content`."""

    id: str
    verdict: str
    """accepted or rejected."""
    reasons: str
    """Codes of the reasons to reject it, joined by semicolons; empty for an accepted sequence."""
    warnings: str
    """Codes of its warnings, joined by semicolons."""
    frames: int
    width: int
    height: int
    coverage: list[float]
    coverage_mean: float | None
    """Mean of `coverage`."""
    difference_inside: float | None
    difference_outside: float | None
    effect_share: float | None
    camera_motion: float | None
    mask_motion: float | None
    look: str
    digest: str
    group: str
    """The split keeps all sequences of a group in one set."""


def make_record(name: str, sound: Soundness, content: Content) -> Record:
    """The sequence's row of the manifest, with its own id as its group."""
    findings = [*sound.findings, *content.findings]
    reasons = codes(findings)
    measures = {key: value for key, value in vars(content).items() if key != "findings"}
    return Record(
        id=name,
        verdict=REJECTED if reasons else ACCEPTED,
        reasons=reasons,
        warnings=codes(findings, rejects=False),
        coverage_mean=fmean(content.coverage) if content.coverage else None,
        group=name,
        **measures,
        **{key: value for key, value in vars(sound).items() if key != "findings"},
    )


def to_values(part: Soundness | Content) -> dict[str, Any]:
    """Fields as JSON values."""
    return vars(part) | {"findings": [[found.reason.code, found.frame, found.detail] for found in part.findings]}


def from_values(kind: type[Any], values: dict[str, Any]) -> Any:
    """Inverse of `to_values`; raises KeyError or TypeError if `values` does not fit."""
    findings = [Finding(BY_CODE[code], frame, detail) for code, frame, detail in values["findings"]]
    return kind(**{**values, "findings": findings})
