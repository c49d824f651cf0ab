"""Inspection of one sequence: every frame is checked as `level` says, and content is measured on sampled frames."""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.inspected_shard import INSPECTION_VERSION
from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import NO_CONTENT, Content, Soundness
from inpainting.core.files import value_digest
from inpainting.stages.dataset import checks, folder_scan, mask_timing
from inpainting.stages.dataset.alignment import FramePair
from inpainting.stages.dataset.content_statistics import ContentStatistics, sample_frames
from inpainting.stages.dataset.folder_scan import FolderScan
from inpainting.stages.dataset.frames import FrameError, FrameReader, decode
from inpainting.stages.dataset.settings import DECODE, HEADER, ContentSettings, InspectionSettings
from inpainting.video import masks
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH
from inpainting.video.settings import MaskSettings

Pixels = NDArray[np.uint8]
MODES = {RGB: "RGB", MASK: "L", TRUTH: "RGB"}


class InspectedSequence(NamedTuple):
    """Inspection results of a sequence, and the keys that show the inspection cache whether they are current."""

    id: str
    stamp: str
    """See `folder_scan.stamp`."""
    sound_key: str
    sound: Soundness
    content_key: str
    content: Content


@cache
def sound_key(settings: InspectionSettings) -> str:
    """Digest of the settings and the version that change a `Soundness`."""
    return value_digest([settings.level, settings.frames, INSPECTION_VERSION])


@cache
def content_key(settings: InspectionSettings) -> str:
    """Digest of the settings and the version that change a `Content`."""
    shaping = settings.section(ContentSettings).shaping() | settings.section(MaskSettings).shaping()
    return value_digest([shaping | {"seed": settings.seed}, sound_key(settings)])


def printable(name: str) -> str:
    """A folder's name as an id; names with unprintable or undecodable characters are escaped."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def inspect(name: str, known: InspectedSequence | None, settings: InspectionSettings) -> InspectedSequence | None:
    """Inspect the sequence `name` below the root.

    known: its entry in the inspection cache; of this, what is still current is not computed again.
    Returns None if `known` is current as a whole. Never raises for what is on disk; holds one frame in memory.
    """
    path = settings.root / name
    try:
        next(path.iterdir(), None)
    except OSError as error:
        lost = Finding(Reason.UNREADABLE_SEQUENCE, None, error.strerror or "can't be listed")
        nothing = Soundness(0, 0, 0, "", [*checks.check_name(name), lost])
        return InspectedSequence(printable(name), "", sound_key(settings), nothing, content_key(settings), NO_CONTENT)
    with folder_scan.open_folders(str(path), settings.frames) as scans:
        inspection = Inspection(name, scans, settings)
        stamp = folder_scan.stamp(scans)
        old = known if known and stamp and known.stamp == stamp else None
        sound = old.sound if old and old.sound_key == sound_key(settings) else None
        content = old.content if old and old.content_key == content_key(settings) else None
        if sound and content:
            return None
        if sound is None:
            sound, content = inspection.read_all()
        elif content is None:
            content = inspection.read_some()
        return InspectedSequence(printable(name), stamp, sound_key(settings), sound, content_key(settings), content)


class Inspection:
    """Reads and checks the frames of one sequence, whose folders are open."""

    def __init__(self, name: str, scans: dict[str, FolderScan], settings: InspectionSettings) -> None:
        self.name, self.scans, self.settings = name, scans, settings
        self.reader = FrameReader()
        self.digest = hashlib.sha256()
        self.errors: dict[str, dict[int, FrameError]] = {folder: {} for folder in FOLDERS}
        self.undecodable: dict[str, dict[int, FrameError]] = {folder: {} for folder in FOLDERS}
        self.sizes: dict[str, dict[int, checks.Size]] = {folder: {} for folder in FOLDERS}
        sampled = sample_frames(settings.frames, settings.content_frames, settings.seed, name)
        self.sampled = [] if settings.level == HEADER else sampled

    def read_all(self) -> tuple[Soundness, Content]:
        """Check all requested frames, and measure content on the sampled ones."""
        statistics = ContentStatistics(self.settings)
        sampled = set(self.sampled)
        for number in range(1, self.settings.frames + 1):
            if number in sampled:
                statistics.add_frame(number, self._images(number, FOLDERS))
            else:
                for folder in FOLDERS:
                    self._read(folder, number, None)
        return self._soundness(), self._content(statistics)

    def read_some(self) -> Content:
        """Measure content on the sampled frames only; all frames were checked before."""
        statistics = ContentStatistics(self.settings)
        for number in self.sampled:
            statistics.add_frame(number, self._images(number, FOLDERS))
        return self._content(statistics)

    def _images(self, number: int, folders: Iterable[str]) -> dict[str, Pixels]:
        images = {folder: self._read(folder, number, MODES[folder]) for folder in folders}
        return {folder: image for folder, image in images.items() if image is not None}

    def _image(self, number: int, folder: str) -> Pixels | None:
        return self._images(number, (folder,)).get(folder)

    def _read(self, folder: str, number: int, mode: str | None) -> Pixels | None:
        """Check a frame. Returns its pixels in `mode` ("RGB" or "L"); None for no mode or an unusable frame."""
        entry = self.scans[folder].frames.get(number)
        if entry is None:
            return None
        level = self.settings.level
        try:
            if entry.problem:
                raise FrameError(Reason.UNREADABLE_FRAME, entry.problem)
            ends_only = level == HEADER and mode is None
            frame = self.reader.read(self.scans[folder].descriptor, entry.name, entry.length, ends_only)
        except FrameError as error:
            self.errors[folder][number] = error
            return None
        self.digest.update(struct.pack(">QI", entry.length, len(frame.checksum)) + frame.checksum)
        if frame.size:
            self.sizes[folder][number] = frame.size
            if mode is None and level != DECODE:
                return None
        try:
            self.sizes[folder][number], pixels = decode(frame.data, mode)
        except FrameError as error:
            by_level = level == DECODE or frame.size is None
            (self.errors if by_level else self.undecodable)[folder][number] = error
            return None
        return pixels

    def _soundness(self) -> Soundness:
        findings = checks.check_name(self.name)
        for folder, scan in self.scans.items():
            if scan.finding:
                findings.append(scan.finding)
            else:
                findings += checks.check_numbers(folder, scan.numbers, self.settings.frames, scan.stray)
        for folder in FOLDERS:
            findings += checks.check_errors(folder, self.errors[folder])
        findings += checks.check_sizes(self.sizes)
        size, frames = self.sizes[RGB].get(1, (0, 0)), 0
        while frames < self.settings.frames and all(of.get(frames + 1) == size for of in self.sizes.values()):
            frames += 1
        width, height = size if frames else (0, 0)
        digest = "" if self.settings.level == HEADER else self.digest.hexdigest()
        return Soundness(frames, width, height, digest, findings)

    def _content(self, statistics: ContentStatistics) -> Content:
        if not self.sampled:
            return NO_CONTENT
        others = iter(sorted(set(range(1, self.settings.frames + 1)) - set(self.sampled)))
        while statistics.needs_more_masks and (number := next(others, None)) is not None:
            for mask in self._images(number, (MASK,)).values():
                statistics.add_mask(number, mask)
        lengths = {number: entry.length for number, entry in self.scans[MASK].frames.items()}
        for number in set(mask_timing.masks_to_read(lengths)) - set(statistics.areas):
            for mask in self._images(number, (MASK,)).values():
                statistics.add_area(number, mask)
        content = statistics.content(self._pair, lambda number: self._image(number, TRUTH), self._hole)
        damaged = [finding for folder in FOLDERS for finding in checks.check_errors(folder, self.undecodable[folder])]
        return replace(content, findings=damaged + content.findings)

    def _hole(self, number: int) -> mask_timing.Map | None:
        mask = self._image(number, MASK)
        return None if mask is None else masks.to_hole(mask_timing.on_grid(mask)[None], self.settings)[0]

    def _pair(self, number: int) -> FramePair | None:
        images = self._images(number, FOLDERS)
        if len(images) < len(FOLDERS) or len({image.shape[:2] for image in images.values()}) > 1:
            return None
        hole = masks.to_hole(images[MASK][None], self.settings)
        return FramePair(number, images[RGB], images[TRUTH], ~masks.dilate(hole, self.settings.mask_dilation)[0])
