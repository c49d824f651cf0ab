"""Checks of a sequence's names, frame numbers, sizes and mask coverage; each returns all its findings."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.stages.dataset.frames import FrameError
from inpainting.video.sequence import frame_name

MIN_SIDE = 16
"""Pixels: one token of the transformer (2 latents) of 8 pixels each."""

MOST_RANGES = 6
"""Ranges of frame numbers that a sentence names."""

NEW_NAMES = "`inpaint import --sequences ROOT --out NEW`"

Size = tuple[int, int]
"""(width, height) in pixels."""


def check_name(name: str) -> list[Finding]:
    """Reject names with tabs, line breaks or undecodable bytes: ids are written to tables and paths."""
    if name.isprintable():
        return []
    return [Finding(Reason.UNUSABLE_NAME, None, "rename the folder to printable characters")]


def check_numbers(folder: str, numbers: Collection[int], frames: int, stray: str = "") -> list[Finding]:
    """Frames 1 to `frames` must exist without a gap; further frames are allowed.

    numbers: the folder's frame numbers; stray: the name of another file in it, if any.
    """
    findings = []
    last = max(numbers, default=0)
    gaps = sorted(set(range(1, min(last, frames) + 1)) - set(numbers))
    if gaps:
        steps = {later - earlier for earlier, later in pairwise(sorted(numbers))}
        hint = ""
        if len(steps) == 1 and 1 not in steps:
            hint = f"; frames are numbered in steps of {min(steps)}, and {NEW_NAMES} numbers them anew"
        findings.append(Finding(Reason.MISSING_FRAME, gaps[0], f"{folder}: no frame {format_ranges(gaps)}{hint}"))
    if last < frames:
        name = stray if stray.isprintable() else "others"
        other = f" but {name} (names are as {frame_name(1)}; {NEW_NAMES} makes them so)" if stray else ""
        holds = f"ends at {frame_name(last)}" if last else f"holds no frame{other}"
        hint = ", and begins at 0 where it should at 1" if 0 in numbers else ""
        detail = f"{folder}: {holds}, {frames} frames are needed{hint}"
        findings.append(Finding(Reason.TOO_FEW_FRAMES, last + 1, detail))
    return findings


def check_errors(folder: str, errors: Mapping[int, FrameError]) -> list[Finding]:
    """One finding per reason for the unusable frames of a folder; `errors` by frame number."""
    findings = []
    for reason in Reason:
        numbers = sorted(number for number, error in errors.items() if error.reason is reason)
        if numbers:
            detail = f"{folder}: frame {format_ranges(numbers)} {errors[numbers[0]].detail}"
            findings.append(Finding(reason, numbers[0], detail))
    return findings


def check_sizes(sizes: Mapping[str, Mapping[int, Size]]) -> list[Finding]:
    """All frames must have one size of at least MIN_SIDE. `sizes`: by folder and number of each readable frame.

    Frames are compared with the most common size of their folder.
    """
    findings = []
    usual = {folder: most_common_size(list(of.values())) for folder, of in sizes.items() if of}
    for folder, size in usual.items():
        odd = sorted(number for number, other in sizes[folder].items() if other != size)
        if odd:
            found, usual_size = format_size(sizes[folder][odd[0]]), format_size(size)
            detail = f"{folder}: frame {format_ranges(odd)} is {found}, the others are {usual_size}"
            findings.append(Finding(Reason.SIZE_CHANGES, odd[0], detail))
    if len(set(usual.values())) > 1:
        detail = ", ".join(f"{folder} is {format_size(size)}" for folder, size in usual.items())
        findings.append(Finding(Reason.SIZES_DIFFER, None, detail))
    small = [f"{folder} is {format_size(size)}" for folder, size in usual.items() if min(size) < MIN_SIDE]
    if small:
        detail = f"{', '.join(small)}; both sides need at least {MIN_SIDE} pixels"
        findings.append(Finding(Reason.TOO_SMALL, None, detail))
    return findings


def check_orientations(orientations: Mapping[str, Mapping[int, int]]) -> list[Finding]:
    """Warn if EXIF data turn frames of one folder and not those of another.

    orientations: EXIF orientation, 1 is upright, by folder and number of each decoded frame.
    """
    turned = {folder: sorted(n for n, turn in of.items() if turn != 1) for folder, of in orientations.items()}
    folders = [folder for folder, numbers in turned.items() if numbers]
    if not folders or all(turned[folder] == turned[folders[0]] for folder in turned):
        return []
    numbers = turned[folders[0]]
    detail = f"{' and '.join(folders)}: frame {format_ranges(numbers)} is turned upright as its EXIF orientation says"
    others = [folder for folder, numbers in turned.items() if not numbers]
    detail += f"; {' and '.join(others)} have none" if others else ""
    return [Finding(Reason.TURNED_FRAMES, numbers[0], detail)]


def check_coverage(coverage: Sequence[float], values: tuple[int, int], threshold: int, folder: str) -> list[Finding]:
    """Masks must be neither all empty nor all full.

    coverage: share of masked pixels of each readable mask, 0..1; values: lowest and highest value in these masks.
    """
    if not coverage or (max(coverage) > 0 and min(coverage) < 1):
        return []
    reason, what = (Reason.EMPTY_MASK, "nothing") if max(coverage) == 0 else (Reason.FULL_MASK, "everything")
    detail = f"{folder}: {what} to inpaint; values lie in {values[0]}..{values[1]}, the threshold is {threshold}"
    return [Finding(reason, None, detail)]


def most_common_size(sizes: Sequence[Size]) -> Size:
    """The most common size; of equally common ones the first in the list."""
    return Counter(sizes).most_common(1)[0][0]


def format_size(size: Size) -> str:
    """A size as text, e.g. 640x480."""
    return f"{size[0]}x{size[1]}"


def format_ranges(numbers: Sequence[int]) -> str:
    """Ascending frame numbers as text, e.g. `3, 7-9`; after MOST_RANGES only the number of further ones."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    text = ", ".join("-".join(map(str, run)) for run in runs[:MOST_RANGES])
    rest = len(runs) - MOST_RANGES
    return f"{text} and {rest} more gaps between" if rest > 0 else text
