"""Reasons to reject a sequence or to accept it with a warning, each with a code and an explanation."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """All reasons: the code in the audit's files, its meaning, and whether it rejects the sequence."""

    UNUSABLE_NAME = "unusable_name", "the folder's name has control or undecodable characters"
    UNREADABLE_SEQUENCE = "unreadable_sequence", "the sequence's folder can't be listed, or is a link to nothing"
    MISSING_FOLDER = "missing_folder", "one of the three folders is absent or is no folder"
    UNREADABLE_FOLDER = "unreadable_folder", "one of the three folders can't be listed"
    TOO_FEW_FRAMES = "too_few_frames", "a folder ends before the number of frames that was asked for"
    MISSING_FRAME = "missing_frame", "a folder has a gap in its numbering"
    UNREADABLE_FRAME = "unreadable_frame", "a frame is no regular file, no image, truncated, damaged or absurdly large"
    WRONG_DEPTH = "wrong_depth", "a frame has more than 16 bits per channel, of which no one knows which are meant"
    UNCLEAR_MASK = "unclear_mask", "a mask has colours and transparency that both vary: either could be the mask"
    SIZE_CHANGES = "size_changes", "frames of one folder differ in size"
    SIZES_DIFFER = "sizes_differ", "the three folders differ in frame size"
    TOO_SMALL = "too_small", "a frame is smaller than the smallest size the model can take"
    EMPTY_MASK = "empty_mask", "no frame has a pixel to inpaint"
    FULL_MASK = "full_mask", "no frame has a pixel that is known"
    OTHER_SCENE = "other_scene", "outside the mask the truth shows something else than the input"
    SHIFTED_TRUTH = "shifted_truth", "the truth fits the input only when it is shifted in time or in space"
    OTHER_COLOURS = "other_colours", "the truth shows the input's scene in other colours, outside the mask too"
    SHIFTED_MASK = "shifted_mask", "the mask covers what was removed only when it is shifted in time"
    INVERTED_MASK = "inverted_mask", "input and truth differ outside the mask alone, as if it were inverted", False
    TURNED_FRAMES = "turned_frames", "EXIF data turn the frames of one folder, and not those of the others", False
    FLICKERING_MASK = "flickering_mask", "the mask is empty for some frames between others in which it is not", False
    JUMPING_MASK = "jumping_mask", "the mask's area changes several times over from one frame to the next", False
    NOTHING_REMOVED = "nothing_removed", "input and truth are equal inside the mask", False
    STATIC_SEQUENCE = "static_sequence", "every frame of the input that was looked at shows the same picture", False

    def __init__(self, code: str, meaning: str, rejects: bool = True) -> None:
        self.code = code
        self.meaning = meaning
        self.rejects = rejects


BY_CODE = {reason.code: reason for reason in Reason}


@dataclass(frozen=True)
class Finding:
    """A reason found in a sequence; `frame` counts from 1 and is None if no single frame is the cause."""

    reason: Reason
    frame: int | None
    detail: str


def codes(findings: Iterable[Finding], rejects: bool = True) -> str:
    """Codes of the findings that reject, or of those that only warn; each once, in the order of `Reason`, ;-joined."""
    found = {finding.reason for finding in findings}
    return ";".join(reason.code for reason in Reason if reason in found and reason.rejects is rejects)


def reason_counts(reasons: Iterable[str]) -> Counter[str]:
    """Number of sequences per reason, from their semicolon-joined codes; a sequence counts for each of its reasons."""
    return Counter(code for codes in reasons for code in codes.split(";") if code)


def verdict(reasons: Sequence[str]) -> str:
    """A clause on how many sequences were rejected and why; `reasons`: the joined codes of every sequence."""
    rejected = sum(bool(codes) for codes in reasons)
    return f"{rejected} of {len(reasons)} sequences were rejected{_counted(reasons)}"


def warned(warnings: Sequence[str]) -> str:
    """A clause on how many sequences have a warning and which; `warnings`: the joined codes of every sequence."""
    return f"{sum(bool(codes) for codes in warnings)} of {len(warnings)} have a warning{_counted(warnings)}"


def _counted(reasons: Iterable[str]) -> str:
    counts = ", ".join(f"{code} {count}" for code, count in sorted(reason_counts(reasons).items()))
    return f" ({counts})" if counts else ""
