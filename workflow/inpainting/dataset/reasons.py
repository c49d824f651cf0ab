"""Why a sequence is rejected: every reason has one code, and one sentence that says what it means."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """The table of reasons: the code that manifest and rejected.tsv show, and its meaning."""

    UNUSABLE_NAME = "unusable_name", "the folder's name has control or undecodable characters"
    UNREADABLE_SEQUENCE = "unreadable_sequence", "the sequence's folder can't be listed, or is a link to nothing"
    MISSING_FOLDER = "missing_folder", "one of the three folders is absent or is no folder"
    UNREADABLE_FOLDER = "unreadable_folder", "one of the three folders can't be listed"
    TOO_FEW_FRAMES = "too_few_frames", "a folder ends before the number of frames that was asked for"
    MISSING_FRAME = "missing_frame", "a folder has a gap in its numbering"
    UNREADABLE_FRAME = (
        "unreadable_frame",
        "a frame is no regular file, no PNG, truncated, damaged or absurdly large",
    )
    WRONG_DEPTH = "wrong_depth", "a frame has 16 bits per pixel, which would be clipped to 8"
    SIZE_CHANGES = "size_changes", "frames of one folder differ in size"
    SIZES_DIFFER = "sizes_differ", "the three folders differ in frame size"
    TOO_SMALL = "too_small", "a frame is smaller than the smallest size the model can take"
    EMPTY_MASK = "empty_mask", "no frame has a pixel to inpaint"
    FULL_MASK = "full_mask", "no frame has a pixel that is known"

    def __init__(self, code: str, meaning: str) -> None:
        self.code = code
        self.meaning = meaning


@dataclass(frozen=True)
class Finding:
    """One reason found in one sequence; `frame` counts from 1 and is None where no single frame is to blame."""

    reason: Reason
    frame: int | None
    detail: str


def codes(findings: list[Finding]) -> str:
    """The codes of the findings, each once, in the table's order, joined by semicolons; empty for no finding."""
    found = {finding.reason for finding in findings}
    return ";".join(reason.code for reason in Reason if reason in found)


def reason_counts(reasons: Iterable[str]) -> Counter[str]:
    """How many sequences have each reason, from their semicolon-joined codes; one with several counts for each."""
    return Counter(code for codes in reasons for code in codes.split(";") if code)


def verdict(reasons: Sequence[str]) -> str:
    """How many sequences were rejected, and why, as one clause; from the codes of all of them."""
    rejected = sum(bool(codes) for codes in reasons)
    counts = ", ".join(f"{code} {count}" for code, count in sorted(reason_counts(reasons).items()))
    return f"{rejected} of {len(reasons)} sequences were rejected" + (f" ({counts})" if counts else "")
