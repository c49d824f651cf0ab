"""The audit of one sequence: every frame of its three folders checked as far as the level says, some looked at."""

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
from inpainting.stages.dataset import checks, folder_scan
from inpainting.stages.dataset.alignment import Triple
from inpainting.stages.dataset.content_statistics import Observation, frames_to_look_at
from inpainting.stages.dataset.folder_scan import Listing
from inpainting.stages.dataset.frames import FrameError, FrameReader, decode
from inpainting.stages.dataset.settings import DECODE, HEADER, ContentSettings, Inspecting
from inpainting.video import masks
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH
from inpainting.video.settings import MaskSettings

Pixels = NDArray[np.uint8]
MODES = {RGB: "RGB", MASK: "L", TRUTH: "RGB"}


class Inspected(NamedTuple):
    """What is known of a sequence, and what it was learnt from."""

    id: str
    stamp: str
    """See `folder_scan.stamp`."""
    sound_key: str
    sound: Soundness
    content_key: str
    content: Content


@cache
def sound_key(settings: Inspecting) -> str:
    """A digest of what shapes a `Soundness` beside the files."""
    return value_digest([settings.level, settings.frames, INSPECTION_VERSION])


@cache
def content_key(settings: Inspecting) -> str:
    """A digest of what shapes a `Content` beside the files."""
    looked = settings.section(ContentSettings).shaping() | settings.section(MaskSettings).shaping()
    return value_digest([looked | {"seed": settings.seed}, sound_key(settings)])


def printable(name: str) -> str:
    """A folder's name as an id; one that can't be written as UTF-8 on one line is shown with escapes."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def inspect(name: str, known: Inspected | None, settings: Inspecting) -> Inspected | None:
    """Audit the sequence `name` below the root; never raises for what is on disk, and holds one frame at a time.

    None where `known`, what was learnt of it before, still holds. What of it holds is not learnt again.
    """
    path = settings.root / name
    try:
        next(path.iterdir(), None)
    except OSError as error:
        lost = Finding(Reason.UNREADABLE_SEQUENCE, None, error.strerror or "can't be listed")
        nothing = Soundness(0, 0, 0, "", [*checks.check_name(name), lost])
        return Inspected(printable(name), "", sound_key(settings), nothing, content_key(settings), NO_CONTENT)
    with folder_scan.open_folders(str(path), settings.frames) as listings:
        inspection = Inspection(name, listings, settings)
        stamp = folder_scan.stamp(listings)
        old = known if known and stamp and known.stamp == stamp else None
        sound = old.sound if old and old.sound_key == sound_key(settings) else None
        content = old.content if old and old.content_key == content_key(settings) else None
        if sound and content:
            return None
        if sound is None:
            sound, content = inspection.read_all()
        elif content is None:
            content = inspection.read_some()
        return Inspected(printable(name), stamp, sound_key(settings), sound, content_key(settings), content)


class Inspection:
    """The frames of one sequence, its folders being open."""

    def __init__(self, name: str, listings: dict[str, Listing], settings: Inspecting) -> None:
        self.name, self.listings, self.settings = name, listings, settings
        self.reader = FrameReader()
        self.digest = hashlib.sha256()
        self.errors: dict[str, dict[int, FrameError]] = {folder: {} for folder in FOLDERS}
        self.undecodable: dict[str, dict[int, FrameError]] = {folder: {} for folder in FOLDERS}
        self.sizes: dict[str, dict[int, checks.Size]] = {folder: {} for folder in FOLDERS}
        looked_at = frames_to_look_at(settings.frames, settings.content_frames, settings.seed, name)
        self.looked_at = [] if settings.level == HEADER else looked_at

    def read_all(self) -> tuple[Soundness, Content]:
        """Check every frame that was asked for, looking at some of them on the way."""
        observation = Observation(self.settings)
        looked_at = set(self.looked_at)
        for number in range(1, self.settings.frames + 1):
            if number in looked_at:
                observation.take(number, self._images(number, FOLDERS))
            else:
                for folder in FOLDERS:
                    self._read(folder, number, None)
        return self._soundness(), self._content(observation)

    def read_some(self) -> Content:
        """Look at frames of a sequence that has been checked before."""
        observation = Observation(self.settings)
        for number in self.looked_at:
            observation.take(number, self._images(number, FOLDERS))
        return self._content(observation)

    def _images(self, number: int, folders: Iterable[str]) -> dict[str, Pixels]:
        images = {folder: self._read(folder, number, MODES[folder]) for folder in folders}
        return {folder: image for folder, image in images.items() if image is not None}

    def _read(self, folder: str, number: int, mode: str | None) -> Pixels | None:
        """Check a frame; its pixels where `mode` says how."""
        entry = self.listings[folder].frames.get(number)
        if entry is None:
            return None
        level = self.settings.level
        try:
            if entry.problem:
                raise FrameError(Reason.UNREADABLE_FRAME, entry.problem)
            ends = level == HEADER and mode is None
            frame = self.reader.read(self.listings[folder].descriptor, entry.name, entry.length, ends)
        except FrameError as error:
            self.errors[folder][number] = error
            return None
        self.digest.update(struct.pack(">QI", entry.length, len(frame.mark)) + frame.mark)
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
        for folder, listed in self.listings.items():
            if listed.finding:
                findings.append(listed.finding)
            else:
                findings += checks.check_numbers(folder, listed.numbers, self.settings.frames, listed.stray)
        for folder in FOLDERS:
            findings += checks.check_errors(folder, self.errors[folder])
        findings += checks.check_sizes(self.sizes)
        size, frames = self.sizes[RGB].get(1, (0, 0)), 0
        while frames < self.settings.frames and all(of.get(frames + 1) == size for of in self.sizes.values()):
            frames += 1
        width, height = size if frames else (0, 0)
        digest = "" if self.settings.level == HEADER else self.digest.hexdigest()
        return Soundness(frames, width, height, digest, findings)

    def _content(self, observation: Observation) -> Content:
        if not self.looked_at:
            return NO_CONTENT
        others = iter(sorted(set(range(1, self.settings.frames + 1)) - set(self.looked_at)))
        while observation.undecided and (number := next(others, None)) is not None:
            for mask in self._images(number, (MASK,)).values():
                observation.take_mask(mask)
        content = observation.content(self._triple, lambda number: self._images(number, (TRUTH,)).get(TRUTH))
        damaged = [finding for folder in FOLDERS for finding in checks.check_errors(folder, self.undecodable[folder])]
        return replace(content, findings=damaged + content.findings)

    def _triple(self, number: int) -> Triple | None:
        images = self._images(number, FOLDERS)
        if len(images) < len(FOLDERS) or len({image.shape[:2] for image in images.values()}) > 1:
            return None
        hole = masks.to_hole(images[MASK][None], self.settings)
        return Triple(number, images[RGB], images[TRUTH], ~masks.dilate(hole, self.settings.mask_dilation)[0])
