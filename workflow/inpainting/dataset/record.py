"""What the audit knows of one sequence: a row of the manifest."""

from dataclasses import dataclass

ACCEPTED, REJECTED = "accepted", "rejected"


@dataclass(frozen=True)
class Record:
    """A row of the manifest. What can't be known of a rejected sequence is 0, empty or None."""

    id: str
    verdict: str
    """accepted or rejected."""
    reasons: str
    """Codes of all reasons, joined by semicolons; empty for an accepted sequence."""
    frames: int
    """Frames from the first on that are sound in all three folders, at most the number asked for."""
    width: int
    height: int
    coverage: list[float]
    """Share of hole (not dilated) in each of these frames, 0..1."""
    coverage_mean: float | None
    """Mean of `coverage`."""
    difference_inside: float | None
    """Mean |RGB - GT| over the hole's pixels (not dilated) of all frames, 0..255."""
    difference_outside: float | None
    """Mean |RGB - GT| over all other pixels, 0..255."""
    effect_share: float | None
    """Share of the pixels outside the dilated hole where RGB and GT differ more than effect_threshold, 0..1."""
    camera_motion: float | None
    """Median over frames of the median optical flow of the truth, in pixels per frame: near 0 for a still camera."""
    digest: str
    """SHA-256 over the bytes of all frames that could be read: RGB, mask and truth of frame 1, then of frame 2, ..."""
    group: str
    """Sequences of one group are never parted by the split."""
