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
from inpainting.stages.dataset import checks, folder_scan, mask_timing, similarity
from inpainting.stages.dataset.alignment import FramePair
from inpainting.stages.dataset.content_statistics import ContentStatistics, sample_frames
from inpainting.stages.dataset.folder_scan import FolderScan
from inpainting.stages.dataset.frames import Convert, FrameError, FrameReader, decode
from inpainting.stages.dataset.settings import DECODE, HEADER, ContentSettings, InspectionSettings
from inpainting.video import images, masks
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH
from inpainting.video.settings import MaskSettings

Pixels = NDArray[np.uint8]
CONVERT: dict[str, Convert] = {RGB: images.to_picture, MASK: images.to_mask, TRUTH: images.to_picture}


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
    return value_digest([settings.level, settings.frames, settings.folders, INSPECTION_VERSION])


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
    with folder_scan.open_folders(str(path), settings.frames, settings.folders) as scans:
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
        self.orientations: dict[str, dict[int, int]] = {folder: {} for folder in FOLDERS}
        self.names = dict(zip(FOLDERS, settings.folders, strict=True))
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
        images = {folder: self._read(folder, number, CONVERT[folder]) for folder in folders}
        return {folder: image for folder, image in images.items() if image is not None}

    def _image(self, number: int, folder: str) -> Pixels | None:
        return self._images(number, (folder,)).get(folder)

    def _read(self, folder: str, number: int, convert: Convert | None) -> Pixels | None:
        """Check a frame. Returns its pixels as `convert` gives them; None without it or for an unusable frame."""
        entry = self.scans[folder].frames.get(number)
        if entry is None:
            return None
        level = self.settings.level
        try:
            if entry.problem:
                raise FrameError(Reason.UNREADABLE_FRAME, entry.problem)
            ends_only = level == HEADER and convert is None
            frame = self.reader.read(self.scans[folder].descriptor, entry.name, entry.length, ends_only)
        except FrameError as error:
            self.errors[folder][number] = error
            return None
        self.digest.update(struct.pack(">QI", entry.length, len(frame.checksum)) + frame.checksum)
        if frame.size:
            self.sizes[folder][number] = frame.size
            if convert is None and level != DECODE:
                return None
        try:
            decoded = decode(frame.data, convert)
        except FrameError as error:
            by_level = level == DECODE or frame.size is None
            (self.errors if by_level else self.undecodable)[folder][number] = error
            return None
        self.sizes[folder][number] = decoded.size
        self.orientations[folder][number] = decoded.orientation
        # What was read in another way before is another sequence: its latents are made again, those of others are not.
        if decoded.orientation > 1:
            self.digest.update(b"orientation %d" % decoded.orientation)
        if decoded.coloured and number in similarity.hashed_frames(self.settings.frames):
            self.digest.update(b"colours")
        return decoded.pixels

    def _soundness(self) -> Soundness:
        findings = checks.check_name(self.name)
        for folder, scan in self.scans.items():
            if scan.finding:
                findings.append(scan.finding)
            else:
                findings += checks.check_numbers(self.names[folder], scan.numbers, self.settings.frames, scan.stray)
        findings += self._errors(self.errors)
        findings += checks.check_sizes({self.names[folder]: of for folder, of in self.sizes.items()})
        findings += checks.check_orientations({self.names[folder]: of for folder, of in self.orientations.items()})
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
        return replace(content, findings=self._errors(self.undecodable) + content.findings)

    def _errors(self, errors: dict[str, dict[int, FrameError]]) -> list[Finding]:
        return [one for folder in FOLDERS for one in checks.check_errors(self.names[folder], errors[folder])]

    def _hole(self, number: int) -> mask_timing.Map | None:
        mask = self._image(number, MASK)
        return None if mask is None else masks.to_hole(mask_timing.on_grid(mask)[None], self.settings)[0]

    def _pair(self, number: int) -> FramePair | None:
        images = self._images(number, FOLDERS)
        if len(images) < len(FOLDERS) or len({image.shape[:2] for image in images.values()}) > 1:
            return None
        hole = masks.to_hole(images[MASK][None], self.settings)
        return FramePair(number, images[RGB], images[TRUTH], ~masks.dilate(hole, self.settings.mask_dilation)[0])
