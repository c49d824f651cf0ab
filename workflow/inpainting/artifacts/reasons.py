"""Why a sequence is rejected, or accepted with a warning: each reason has a code, and a sentence that explains it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """The table of reasons: the code that the audit's files show, its meaning, and whether it rejects."""

    UNUSABLE_NAME = "unusable_name", "the folder's name has control or undecodable characters"
    UNREADABLE_SEQUENCE = "unreadable_sequence", "the sequence's folder can't be listed, or is a link to nothing"
    MISSING_FOLDER = "missing_folder", "one of the three folders is absent or is no folder"
    UNREADABLE_FOLDER = "unreadable_folder", "one of the three folders can't be listed"
    TOO_FEW_FRAMES = "too_few_frames", "a folder ends before the number of frames that was asked for"
    MISSING_FRAME = "missing_frame", "a folder has a gap in its numbering"
    UNREADABLE_FRAME = "unreadable_frame", "a frame is no regular file, no image, truncated, damaged or absurdly large"
    WRONG_DEPTH = "wrong_depth", "a frame has more than 16 bits per channel, of which no one knows which are meant"
    SIZE_CHANGES = "size_changes", "frames of one folder differ in size"
    SIZES_DIFFER = "sizes_differ", "the three folders differ in frame size"
    TOO_SMALL = "too_small", "a frame is smaller than the smallest size the model can take"
    EMPTY_MASK = "empty_mask", "no frame has a pixel to inpaint"
    FULL_MASK = "full_mask", "no frame has a pixel that is known"
    OTHER_SCENE = "other_scene", "outside the mask the truth shows something else than the input"
    SHIFTED_TRUTH = "shifted_truth", "the truth fits the input only when it is shifted in time or in space"
    OTHER_COLOURS = "other_colours", "the truth shows the input's scene in other colours, outside the mask too"
    INVERTED_MASK = "inverted_mask", "input and truth differ outside the mask alone, as if it were inverted", False
    NOTHING_REMOVED = "nothing_removed", "input and truth are equal inside the mask", False
    STATIC_SEQUENCE = "static_sequence", "every frame of the input that was looked at shows the same picture", False

    def __init__(self, code: str, meaning: str, rejects: bool = True) -> None:
        self.code = code
        self.meaning = meaning
        self.rejects = rejects


BY_CODE = {reason.code: reason for reason in Reason}


@dataclass(frozen=True)
class Finding:
    """One reason found in one sequence; `frame` counts from 1 and is None where no single frame is to blame."""

    reason: Reason
    frame: int | None
    detail: str


def codes(findings: Iterable[Finding], rejects: bool = True) -> str:
    """The codes of the findings that reject, or of those that only warn; empty for none.

    Each stands once, in the table's order, joined by semicolons.
    """
    found = {finding.reason for finding in findings}
    return ";".join(reason.code for reason in Reason if reason in found and reason.rejects is rejects)


def reason_counts(reasons: Iterable[str]) -> Counter[str]:
    """How many sequences have each reason, from their semicolon-joined codes; one with several counts for each."""
    return Counter(code for codes in reasons for code in codes.split(";") if code)


def verdict(reasons: Sequence[str]) -> str:
    """How many sequences were rejected, and why, as one clause; from the codes of all of them."""
    rejected = sum(bool(codes) for codes in reasons)
    return f"{rejected} of {len(reasons)} sequences were rejected{_counted(reasons)}"


def warned(warnings: Sequence[str]) -> str:
    """How many sequences carry a warning, and which, as one clause; from the codes of all of them."""
    return f"{sum(bool(codes) for codes in warnings)} of {len(warnings)} carry a warning{_counted(warnings)}"


def _counted(reasons: Iterable[str]) -> str:
    counts = ", ".join(f"{code} {count}" for code, count in sorted(reason_counts(reasons).items()))
    return f" ({counts})" if counts else ""
