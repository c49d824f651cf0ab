"""The audit of one sequence: every frame of its three folders read once, measured and judged."""

import hashlib
import os
from pathlib import Path
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from inpainting.dataset import checks, content
from inpainting.dataset.content import Difference
from inpainting.dataset.frames import FrameError, decode, read_bytes
from inpainting.dataset.reasons import Finding, Reason, codes
from inpainting.dataset.record import ACCEPTED, REJECTED, Record
from inpainting.dataset.settings import AuditCommand
from inpainting.video import masks
from inpainting.video.sequence import FOLDERS, FRAME_NAME, MASK, RGB, TRUTH, frame_name

Pixels = NDArray[np.uint8]
MODES = {RGB: "RGB", MASK: "L", TRUTH: "RGB"}


def inspect(name: str, settings: AuditCommand) -> tuple[Record, list[Finding]]:
    """Audit the sequence `name` below the root; never raises for what is on disk, and holds one frame at a time."""
    inspection = Inspection(settings)
    findings = checks.check_name(name)
    folder = settings.root / name
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        findings.append(Finding(Reason.UNREADABLE_SEQUENCE, None, error.strerror or "can't be listed"))
    else:
        findings += inspection.read(folder)
    findings += inspection.judge()
    return inspection.record(printable(name), findings), findings


def printable(name: str) -> str:
    """A folder's name as an id; one that can't be written as UTF-8 on one line is shown with escapes."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def list_numbers(folder: Path) -> set[int] | Finding:
    """Numbers of the frames that a folder lists, or the finding that it can't be listed."""
    try:
        matches = [FRAME_NAME.fullmatch(entry.name) for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        what = "is no folder" if os.path.lexists(folder) else "is absent"
        return Finding(Reason.MISSING_FOLDER, None, f"{folder.name} {what}")
    except OSError as error:
        return Finding(Reason.UNREADABLE_FOLDER, None, f"{folder.name}: {error.strerror}")
    return {int(match[1]) for match in matches if match}


class Inspection:
    """What is gathered while the frames of one sequence go by."""

    def __init__(self, settings: AuditCommand) -> None:
        self.settings = settings
        self.digest = hashlib.sha256()
        self.errors: dict[str, dict[int, FrameError]] = {folder: {} for folder in FOLDERS}
        self.sizes: dict[str, dict[int, checks.Size]] = {folder: {} for folder in FOLDERS}
        self.values = (255, 0)
        self.mask_coverage: list[float] = []
        self.coverage: list[float] = []
        self.differences: list[Difference] = []
        self.motions: list[float] = []
        self.view: Pixels | None = None
        self.size: checks.Size = (0, 0)

    def read(self, sequence: Path) -> list[Finding]:
        """Read all frames that were asked for; returns what the folders' listings alone show to be wrong."""
        findings = []
        numbers: dict[str, set[int]] = {}
        for folder in FOLDERS:
            listed = list_numbers(sequence / folder)
            if isinstance(listed, Finding):
                findings.append(listed)
            else:
                numbers[folder] = listed
                findings += checks.check_numbers(folder, listed, self.settings.frames)
        for number in range(1, self.settings.frames + 1):
            folders = [folder for folder in FOLDERS if number in numbers.get(folder, ())]
            images = {folder: self._image(sequence, folder, number) for folder in folders}
            self._take(number, {folder: image for folder, image in images.items() if image is not None})
        return findings

    def _image(self, sequence: Path, folder: str, number: int) -> Pixels | None:
        try:
            data = read_bytes(sequence / folder / frame_name(number))
            self.digest.update(data)
            image = decode(data, MODES[folder])
        except FrameError as error:
            self.errors[folder][number] = error
            return None
        self.sizes[folder][number] = (image.shape[1], image.shape[0])
        return image

    def _take(self, number: int, images: dict[str, Pixels]) -> None:
        hole = None
        if MASK in images:
            mask = images[MASK]
            hole = masks.to_hole(mask[None], self.settings)[0]
            self.mask_coverage.append(float(np.count_nonzero(hole) / hole.size))
            self.values = (min(self.values[0], int(mask.min())), max(self.values[1], int(mask.max())))
        sizes = {self.sizes[folder][number] for folder in images}
        whole = len(images) == len(FOLDERS) and len(sizes) == 1 and self.size in {(0, 0), *sizes}
        if hole is not None and whole and len(self.coverage) == number - 1:
            self.size = sizes.pop()
            self._measure(images[RGB], hole, images[TRUTH])

    def _measure(self, rgb: Pixels, hole: NDArray[np.bool_], truth: Pixels) -> None:
        self.coverage.append(self.mask_coverage[-1])
        threshold = self.settings.effect_threshold
        self.differences.append(content.difference(rgb, truth, hole, self.settings, threshold))
        view = content.motion_view(truth)
        if self.view is not None:
            self.motions.append(content.motion(self.view, view) * max(self.size) / max(view.shape))
        self.view = view

    def judge(self) -> list[Finding]:
        """What the frames themselves show to be wrong."""
        findings = []
        for folder in FOLDERS:
            findings += checks.check_errors(folder, self.errors[folder])
        findings += checks.check_sizes(self.sizes)
        return findings + checks.check_coverage(self.mask_coverage, self.values, self.settings.mask_threshold)

    def record(self, name: str, findings: list[Finding]) -> Record:
        """The sequence's row, its group being its own id."""

        def total(field: str) -> float:
            return sum(getattr(difference, field) for difference in self.differences)

        return Record(
            id=name,
            verdict=REJECTED if findings else ACCEPTED,
            reasons=codes(findings),
            frames=len(self.coverage),
            width=self.size[0],
            height=self.size[1],
            coverage=self.coverage,
            coverage_mean=fmean(self.coverage) if self.coverage else None,
            difference_inside=content.share(total("inside"), total("hole")),
            difference_outside=content.share(total("outside"), total("known")),
            effect_share=content.share(total("effect"), total("around")),
            camera_motion=median(self.motions) if self.motions else None,
            digest=self.digest.hexdigest(),
            group=name,
        )
