"""Pair videos with masks and truths: by name, by a table, or by a benchmark's layout."""

import glob
import logging
import mimetypes
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inpainting.artifacts.groups import read_groups
from inpainting.core.errors import UsageError
from inpainting.core.settings import existing
from inpainting.core.tables import read_written_table
from inpainting.importing.settings import ImportCommand
from inpainting.video.image_files import image_suffixes
from inpainting.video.sequence import Folders

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(
    {".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mts", ".ts", ".webm", ".y4m"}
)
"""Suffixes of videos in a folder, in addition to the system's table of file types."""


@dataclass(frozen=True)
class ClipFiles:
    """The files of one clip; problem: why it can't be imported, else empty."""

    name: str
    video: Path
    mask: Path | None
    truth: Path | None
    group: str
    problem: str = ""


def find_clips(settings: ImportCommand) -> list[ClipFiles]:
    """The clips of the settings, sorted by name. Raises UsageError if there are none or a path is wrong."""
    if settings.table is not None:
        clips = from_table(existing(settings.table, "--table", "a .tsv with the columns name, video, mask"))
    elif settings.davis is not None:
        clips = from_davis(existing(settings.davis, "--davis", "the folder with JPEGImages and Annotations"))
    elif settings.sequences is not None:
        clips = from_sequences(existing(settings.sequences, "--sequences", "a folder of sequences"), settings.folders)
    else:
        assert settings.videos is not None
        clips = from_names(settings.videos, settings.masks, settings.truths)
    if settings.make_masks and (settings.davis or settings.sequences):
        clips = [replace(clip, mask=None) for clip in clips]
    names = Counter(clip.name for clip in clips)
    return sorted((_checked(clip, names[clip.name], settings) for clip in clips), key=lambda clip: clip.name)


def from_names(videos: str, masks: Path | None, truths: Path | None) -> list[ClipFiles]:
    """Clips of a folder or a pattern, with masks and truths of the same names.

    bear_mask and bear_truth are not clips if there is a bear.
    """
    found = _videos(videos)
    partners: list[list[tuple[Path | None, str]]] = []
    for option, place, word in (("--masks", masks, "_mask"), ("--truths", truths, "_truth")):
        if place is None:
            partners.append([(None, "")] * len(found))
        else:
            existing(place, option, "a folder with the same names as the videos, or one file")
            partners.append(_partners(found, place, word))
    stems = {_stem(video) for video in found}
    of_others = {stem + word for stem in stems for word in ("_mask", "_truth")}
    return [
        ClipFiles(_stem(video), video, mask[0], truth[0], _stem(video), mask[1] or truth[1])
        for video, mask, truth in zip(found, *partners, strict=True)
        if _stem(video) not in of_others
    ]


def from_table(table: Path) -> list[ClipFiles]:
    """Clips of a .tsv with the columns name and video, and optionally mask, truth and group."""

    def place(text: str) -> Path | None:
        return table.parent / text if text else None

    return [
        ClipFiles(
            unicodedata.normalize("NFC", row["name"]),
            table.parent / row["video"],
            place(row["mask"]),
            place(row["truth"]),
            row["group"] or row["name"],
            "" if row["video"] else "no video is named",
        )
        for row in read_written_table(table, ("name", "video"), ("mask", "truth", "group"))
    ]


def from_sequences(root: Path, folders: Folders) -> list[ClipFiles]:
    """The sequences of a folder in the dataset's layout, with the groups of its groups.tsv."""
    groups = read_groups(root)
    found = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    if not found or (root / folders.rgb).is_dir():
        raise UsageError(f"--sequences: {root} should hold folders with {' and '.join(folders[:2])} in them")
    return [
        ClipFiles(
            _stem(path),
            path / folders.rgb,
            path / folders.mask,
            path / folders.truth if (path / folders.truth).is_dir() else None,
            groups.get(path.name, path.name),
        )
        for path in found
    ]


def from_davis(root: Path) -> list[ClipFiles]:
    """Clips in DAVIS' layout, at 480p if available; also YouTube-VOS, whose layout has no folder for the size."""
    frames, masks = root / "JPEGImages", root / "Annotations"
    if not frames.is_dir():
        raise UsageError(f"--davis: {root} holds no JPEGImages; give the folder that holds JPEGImages and Annotations")
    size = next((name for name in ("480p", "Full-Resolution") if (frames / name).is_dir()), ".")
    names = sorted(path.name for path in (frames / size).iterdir() if path.is_dir())
    if not names:
        raise UsageError(f"--davis: {frames / size} holds no folders of frames")
    log.info("%d clips in %s", len(names), frames / size)
    return [ClipFiles(name, frames / size / name, masks / size / name, None, name) for name in names]


def _videos(videos: str) -> list[Path]:
    folder = Path(videos)
    if folder.is_dir():
        inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
        found = [path for path in inside if path.is_dir() or is_video(path)]
        unused = len(inside) - len(found)
        if found and unused:
            log.info("%d files in %s are not videos and are ignored", unused, folder)
        if not found and any(path.suffix.lower() in image_suffixes() for path in inside):
            return [folder]
    elif folder.exists():
        found = [folder]
    else:
        found = [Path(name) for name in sorted(glob.glob(videos, recursive=True))]  # noqa: PTH207
    if not found:
        raise UsageError(
            f"--videos: {videos} is no video and no folder of videos or frames, and matches nothing as a pattern"
        )
    return found


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    return path.suffix.lower() in VIDEO_SUFFIXES or kind.startswith("video/")


def _stem(path: Path) -> str:
    return unicodedata.normalize("NFC", path.name if path.is_dir() else path.stem)


def _partners(videos: Sequence[Path], place: Path, word: str) -> list[tuple[Path | None, str]]:
    """For each video its mask or truth, or why there is none; word: the suffix _mask or _truth."""
    if not place.is_dir():
        return [(place, "")] * len(videos)
    inside = [path for path in sorted(place.iterdir()) if not path.name.startswith(".")]
    images = [path for path in inside if path.suffix.lower() in image_suffixes()]
    by_stem: dict[str, list[Path]] = {}
    for path in inside:
        if path.is_dir() or path in images or is_video(path):
            by_stem.setdefault(_stem(path), []).append(path)
    if len(videos) == 1 and images and not _called(_stem(videos[0]), word, by_stem):
        return [(place, "")]
    partners: list[tuple[Path | None, str]] = []
    for video in videos:
        stem = _stem(video)
        found = [path for path in _called(stem, word, by_stem) if path != video]
        if len(found) == 1:
            partners.append((found[0], ""))
        elif found:
            several = " and ".join(path.name for path in found)
            partners.append((None, f"{place} holds {several} for it; keep one"))
        else:
            partners.append((None, f"{place} holds no video, folder or image called {stem} or {stem}{word}"))
    return partners


def _called(stem: str, word: str, by_stem: dict[str, list[Path]]) -> list[Path]:
    return by_stem.get(stem, []) + by_stem.get(stem + word, [])


def _checked(clip: ClipFiles, same: int, settings: ImportCommand) -> ClipFiles:
    """The clip with its problem, as far as names show it; same: number of clips of its name."""
    if clip.problem:
        return clip
    problem, make_masks = "", settings.make_masks
    if not clip.name or not clip.name.isprintable() or clip.name[0] == "." or "/" in clip.name:
        problem = f"{clip.name!r} can't be a folder's name; give it another one in a --table"
    elif clip.name in settings.folders:
        problem = f"{clip.name} is a folder of a sequence; name it in a --table, or give --sequences for many such"
    elif same > 1:
        problem = f"{same} clips are called {clip.name}; give each a name of its own in a --table"
    elif make_masks and (clip.mask or clip.truth):
        problem = "a mask or a truth is given, but with --make-masks masks are made and the clip is the truth"
    elif not make_masks and clip.mask is None:
        problem = "no mask is given; name one, or use --make-masks"
    missing = next((path for path in (clip.video, clip.mask, clip.truth) if path and not path.exists()), None)
    if not problem and missing is not None:
        problem = f"{missing} does not exist"
    return replace(clip, problem=problem)
