"""What the pixels of a sequence show, gathered while the frames that are looked at go by, one at a time."""

import random
from collections.abc import Mapping
from math import dist
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import Content
from inpainting.core import seeds
from inpainting.stages.dataset import alignment, checks, content, similarity
from inpainting.stages.dataset.content import Difference
from inpainting.stages.dataset.settings import Inspecting
from inpainting.video import masks
from inpainting.video.sequence import MASK, RGB, TRUTH

Pixels = NDArray[np.uint8]

UNCHANGED = 0.5
"""Levels: pictures that differ less on average are the same."""

INVERTED = 4.0
"""How many times more input and truth differ outside the mask than inside it where the mask looks inverted."""


def frames_to_look_at(frames: int, count: int, seed: int, name: str) -> list[int]:
    """Numbers of the frames of a sequence whose pixels are looked at, ascending.

    The first, middle and last, by which sequences are compared with each other; and `count` more, as pairs of
    neighbours, so that motion can be seen: one pair from each of count / 2 equal parts of the sequence, drawn by seed
    and name. All frames where they are few.
    """
    if frames <= count:
        return list(range(1, frames + 1))
    found = set(similarity.anchors(frames))
    draw = random.Random(seeds.derive(seed, "audit.frames", name))
    pairs = -(-count // 2)
    for pair in range(pairs):
        first, end = 1 + pair * (frames - 1) // pairs, 1 + (pair + 1) * (frames - 1) // pairs
        start = draw.randrange(first, max(end, first + 1))
        found |= {start, start + 1}
    return sorted(found)


class Observation:
    """The measures of one sequence so far."""

    def __init__(self, settings: Inspecting) -> None:
        self.settings = settings
        self.values = (255, 0)
        self.coverage: list[float] = []
        self.differences: list[Difference] = []
        self.likenesses: list[alignment.Likeness] = []
        self.camera: list[float] = []
        self.mask_motion: list[float] = []
        self.hashes: list[int | None] = []
        self.first: Pixels | None = None
        self.still = 0.0
        self.size: checks.Size | None = None
        self.before: tuple[int, Pixels, tuple[float, float] | None] | None = None

    def take(self, number: int, images: Mapping[str, Pixels]) -> None:
        """Look at a frame: its images by folder, as far as they could be read. Frames come in ascending order."""
        hole = self.take_mask(images[MASK]) if MASK in images else None
        sizes = {(image.shape[1], image.shape[0]) for image in images.values()}
        if hole is None or len(images) < 3 or len(sizes) > 1 or (self.size and sizes != {self.size}):
            return
        self.size = sizes.pop()
        rgb, truth = images[RGB], images[TRUTH]
        around = ~masks.dilate(hole[None], self.settings.mask_dilation)[0]
        self.differences.append(content.difference(rgb, truth, hole, around, self.settings.effect_threshold))
        likeness = alignment.compare(alignment.Triple(number, rgb, truth, around))
        if likeness is not None:
            self.likenesses.append(likeness)
        self._move(number, rgb, hole, truth)
        self.hashes += [similarity.picture_hash(truth)] * similarity.anchors(self.settings.frames).count(number)

    def take_mask(self, mask: Pixels) -> NDArray[np.bool_]:
        """The hole of a mask as stored; its coverage is counted."""
        hole = masks.to_hole(mask[None], self.settings)[0]
        self.coverage.append(float(np.count_nonzero(hole) / hole.size))
        self.values = (min(self.values[0], int(mask.min())), max(self.values[1], int(mask.max())))
        return hole

    @property
    def undecided(self) -> bool:
        """Whether all masks so far are empty, or all are full, so that the others have to be looked at as well."""
        return bool(self.coverage) and (max(self.coverage) == 0 or min(self.coverage) == 1)

    def _move(self, number: int, rgb: Pixels, hole: NDArray[np.bool_], truth: Pixels) -> None:
        shown, view, centre = content.motion_view(rgb), content.motion_view(truth), content.centre(hole)
        if self.first is None:
            self.first = shown
        else:
            self.still = max(self.still, float(np.abs(shown.astype(np.int16) - self.first).mean()))
        if self.before is not None and self.before[0] == number - 1:
            self.camera.append(content.motion(self.before[1], view) * max(truth.shape[:2]) / max(view.shape))
            if centre and self.before[2]:
                self.mask_motion.append(dist(centre, self.before[2]))
        self.before = (number, view, centre)

    def content(self, read_triple: alignment.ReadTriple, read_truth: alignment.ReadTruth) -> Content:
        """All that was seen, and what is wrong with it; the functions give a frame once more where there is doubt."""
        inside, outside = self._share("inside", "hole"), self._share("outside", "known")
        findings = checks.check_coverage(self.coverage, self.values, self.settings.mask_threshold)
        mostly_hole = bool(self.coverage) and fmean(self.coverage) > 0.5
        differs_outside = outside is not None and outside > max(alignment.NOISE, INVERTED * (inside or 0.0))
        if mostly_hole and differs_outside:
            detail = f"input and truth differ by {inside:.1f} levels inside the mask and by {outside:.1f} outside"
            findings.append(Finding(Reason.INVERTED_MASK, None, detail))
        else:
            findings += alignment.judge(self.likenesses, self.settings, read_triple, read_truth)
            if inside is not None and inside < UNCHANGED:
                detail = f"input and truth differ by {inside:.2f} levels inside the mask"
                findings.append(Finding(Reason.NOTHING_REMOVED, None, detail))
        if len(self.differences) > 1 and self.still < UNCHANGED:
            detail = f"{RGB}: {len(self.differences)} frames were compared"
            findings.append(Finding(Reason.STATIC_SEQUENCE, None, detail))
        return Content(
            coverage=self.coverage,
            difference_inside=inside,
            difference_outside=outside,
            effect_share=self._share("effect", "around"),
            camera_motion=median(self.camera) if self.camera else None,
            mask_motion=median(self.mask_motion) if self.mask_motion else None,
            look=similarity.look(self.hashes),
            findings=findings,
        )

    def _share(self, part: str, whole: str) -> float | None:
        parts = sum(getattr(difference, part) for difference in self.differences)
        return content.share(parts, sum(getattr(difference, whole) for difference in self.differences))
