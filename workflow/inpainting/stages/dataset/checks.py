"""What makes a sequence unusable, as functions of what was found on disk; each names all it finds, not the first."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.stages.dataset.frames import FrameError
from inpainting.video.sequence import MASK, frame_name

SMALLEST_SIDE = 16
"""Pixels: one token of the transformer (2 latents) of 8 pixels each."""

Size = tuple[int, int]
"""(width, height) in pixels."""


def check_name(name: str) -> list[Finding]:
    """Ids stand in tables and paths: a tab, a line break or bytes that are no UTF-8 would break them."""
    if name.isprintable():
        return []
    return [Finding(Reason.UNUSABLE_NAME, None, "rename the folder to printable characters")]


def check_numbers(folder: str, numbers: Collection[int], frames: int, stray: str = "") -> list[Finding]:
    """Frames 1 to `frames` must be there without a gap; more are fine.

    numbers: those that the folder has; stray: a name in it that is no frame's.
    """
    findings = []
    last = max(numbers, default=0)
    gaps = sorted(set(range(1, min(last, frames) + 1)) - set(numbers))
    if gaps:
        findings.append(Finding(Reason.MISSING_FRAME, gaps[0], f"{folder}: no frame {spans(gaps)}"))
    if last < frames:
        name = stray if stray.isprintable() else "others"
        other = f" but {name} (names are as {frame_name(1)}; `inpaint import` makes them so)" if stray else ""
        holds = f"ends at {frame_name(last)}" if last else f"holds no frame{other}"
        hint = ", and begins at 0 where it should at 1" if 0 in numbers else ""
        detail = f"{folder}: {holds}, {frames} frames are needed{hint}"
        findings.append(Finding(Reason.TOO_FEW_FRAMES, last + 1, detail))
    return findings


def check_errors(folder: str, errors: Mapping[int, FrameError]) -> list[Finding]:
    """One finding per reason for the frames of a folder that could not be used; `errors` by frame number."""
    findings = []
    for reason in Reason:
        numbers = sorted(number for number, error in errors.items() if error.reason is reason)
        if numbers:
            detail = f"{folder}: frame {spans(numbers)} {errors[numbers[0]].detail}"
            findings.append(Finding(reason, numbers[0], detail))
    return findings


def check_sizes(sizes: Mapping[str, Mapping[int, Size]]) -> list[Finding]:
    """One size throughout. `sizes`: of every frame that could be read, by folder and frame number.

    A folder's size is that of most of its frames, so that the frames named are the odd ones.
    """
    findings = []
    usual = {folder: usual_size(list(of.values())) for folder, of in sizes.items() if of}
    for folder, size in usual.items():
        odd = sorted(number for number, other in sizes[folder].items() if other != size)
        if odd:
            detail = f"{folder}: frame {spans(odd)} is {shown(sizes[folder][odd[0]])}, the others are {shown(size)}"
            findings.append(Finding(Reason.SIZE_CHANGES, odd[0], detail))
    if len(set(usual.values())) > 1:
        detail = ", ".join(f"{folder} is {shown(size)}" for folder, size in usual.items())
        findings.append(Finding(Reason.SIZES_DIFFER, None, detail))
    small = [f"{folder} is {shown(size)}" for folder, size in usual.items() if min(size) < SMALLEST_SIDE]
    if small:
        detail = f"{', '.join(small)}; both sides need at least {SMALLEST_SIDE} pixels"
        findings.append(Finding(Reason.TOO_SMALL, None, detail))
    return findings


def check_coverage(coverage: Sequence[float], values: tuple[int, int], threshold: int) -> list[Finding]:
    """Something to inpaint, and something to inpaint it from.

    coverage: share of hole in each mask that could be read, 0..1; values: lowest and highest value in these masks.
    """
    if not coverage or (max(coverage) > 0 and min(coverage) < 1):
        return []
    reason, what = (Reason.EMPTY_MASK, "nothing") if max(coverage) == 0 else (Reason.FULL_MASK, "everything")
    detail = f"{MASK}: {what} to inpaint; values lie in {values[0]}..{values[1]}, the threshold is {threshold}"
    return [Finding(reason, None, detail)]


def usual_size(sizes: Sequence[Size]) -> Size:
    """The size of most frames; of those equally frequent, the one met first."""
    return Counter(sizes).most_common(1)[0][0]


def shown(size: Size) -> str:
    """A size as people write it: 640x480."""
    return f"{size[0]}x{size[1]}"


def spans(numbers: Sequence[int], most: int = 6) -> str:
    """Ascending frame numbers for a person to read: `3, 7-9`; past `most` runs only their count."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    text = ", ".join("-".join(map(str, run)) for run in runs[:most])
    rest = len(runs) - most
    return f"{text} and {rest} more gaps between" if rest > 0 else text
