"""Content statistics of a sequence, accumulated over its sampled frames."""

import random
from collections.abc import Mapping
from math import dist
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import Content
from inpainting.core import seeds
from inpainting.stages.dataset import alignment, checks, content, mask_timing, similarity
from inpainting.stages.dataset.content import Difference
from inpainting.stages.dataset.settings import InspectionSettings
from inpainting.video import masks
from inpainting.video.sequence import MASK, RGB, TRUTH

Pixels = NDArray[np.uint8]

SAME_PICTURE_LEVELS = 0.5
"""Grey levels. Frames with a smaller mean difference count as the same picture."""

INVERTED_MASK_RATIO = 4.0
"""A mask looks inverted if input and truth differ this many times more outside it than inside."""


def sample_frames(frames: int, count: int, seed: int, name: str) -> list[int]:
    """Numbers of the frames on which content is measured, ascending from 1.

    The first, middle and last frame, by which near-duplicates are found, and `count` more in pairs of neighbours, for
    motion: one pair from each of count / 2 equal parts of the sequence, drawn by seed and name. All frames if the
    sequence has at most `count`.
    """
    if frames <= count:
        return list(range(1, frames + 1))
    found = set(similarity.hashed_frames(frames))
    draw = random.Random(seeds.derive(seed, "audit.frames", name))
    pairs = -(-count // 2)
    for pair in range(pairs):
        first, end = 1 + pair * (frames - 1) // pairs, 1 + (pair + 1) * (frames - 1) // pairs
        start = draw.randrange(first, max(end, first + 1))
        found |= {start, start + 1}
    return sorted(found)


class ContentStatistics:
    """Accumulates the content measures of one sequence; `content` returns the result."""

    def __init__(self, settings: InspectionSettings) -> None:
        self.settings = settings
        self.mask_range = (255, 0)
        self.coverage: list[float] = []
        self.areas: dict[int, float] = {}
        self.changes: list[mask_timing.ChangeAndHole] = []
        self.differences: list[Difference] = []
        self.comparisons: list[alignment.Comparison] = []
        self.camera_motion: list[float] = []
        self.mask_motion: list[float] = []
        self.hashes: list[int | None] = []
        self.first: Pixels | None = None
        self.largest_change = 0.0
        self.size: checks.Size | None = None
        self.previous: tuple[int, Pixels, tuple[float, float] | None] | None = None

    def add_frame(self, number: int, images: Mapping[str, Pixels]) -> None:
        """Add a frame, given as its readable images by folder, uint8 [height, width, 3]; masks are [height, width].

        Frames must come in ascending order.
        """
        hole = self.add_mask(number, images[MASK]) if MASK in images else None
        sizes = {(image.shape[1], image.shape[0]) for image in images.values()}
        if hole is None or len(images) < 3 or len(sizes) > 1 or (self.size and sizes != {self.size}):
            return
        self.size = sizes.pop()
        rgb, truth = images[RGB], images[TRUTH]
        around = ~masks.dilate(hole[None], self.settings.mask_dilation)[0]
        self.differences.append(content.difference(rgb, truth, hole, around, self.settings.effect_threshold))
        comparison = alignment.compare(alignment.FramePair(number, rgb, truth, around))
        if comparison is not None:
            self.comparisons.append(comparison)
        threshold = self.settings.effect_threshold
        self.changes.append(mask_timing.change_and_hole(number, rgb, truth, hole, threshold))
        self._add_motion(number, rgb, hole, truth)
        self.hashes += [similarity.picture_hash(truth)] * similarity.hashed_frames(self.settings.frames).count(number)

    def add_mask(self, number: int, mask: Pixels) -> NDArray[np.bool_]:
        """Add the coverage and value range of a mask, uint8 [height, width]; returns its hole, bool [height, width]."""
        hole = self.add_area(number, mask)
        self.coverage.append(self.areas[number])
        low, high = self.mask_range
        self.mask_range = (min(low, int(mask.min())), max(high, int(mask.max())))
        return hole

    def add_area(self, number: int, mask: Pixels) -> NDArray[np.bool_]:
        """Add a mask, uint8 [height, width], that is only compared with its neighbours; returns its hole."""
        hole = masks.to_hole(mask[None], self.settings)[0]
        self.areas[number] = float(np.count_nonzero(hole) / hole.size)
        return hole

    @property
    def needs_more_masks(self) -> bool:
        """Whether all masks so far are empty, or all are full; then the masks of all frames must be added."""
        return bool(self.coverage) and (max(self.coverage) == 0 or min(self.coverage) == 1)

    def _add_motion(self, number: int, rgb: Pixels, hole: NDArray[np.bool_], truth: Pixels) -> None:
        small_rgb, small_truth = content.motion_image(rgb), content.motion_image(truth)
        centre = content.mask_centre(hole)
        if self.first is None:
            self.first = small_rgb
        else:
            change = float(np.abs(small_rgb.astype(np.int16) - self.first).mean())
            self.largest_change = max(self.largest_change, change)
        if self.previous is not None and self.previous[0] == number - 1:
            motion = content.motion(self.previous[1], small_truth)
            self.camera_motion.append(motion * max(truth.shape[:2]) / max(small_truth.shape))
            if centre and self.previous[2]:
                self.mask_motion.append(dist(centre, self.previous[2]))
        self.previous = (number, small_truth, centre)

    def content(
        self, read_pair: alignment.ReadPair, read_truth: alignment.ReadTruth, read_hole: mask_timing.ReadHole
    ) -> Content:
        """The content measures and findings. The functions read a frame again; called if something does not fit."""
        inside, outside = self._share("inside", "hole"), self._share("outside", "known")
        findings = checks.check_coverage(
            self.coverage, self.mask_range, self.settings.mask_threshold, self.settings.mask_folder
        )
        mostly_hole = bool(self.coverage) and fmean(self.coverage) > 0.5
        limit = max(alignment.COMPRESSION_NOISE, INVERTED_MASK_RATIO * (inside or 0.0))
        differs_outside = outside is not None and outside > limit
        if mostly_hole and differs_outside:
            detail = f"input and truth differ by {inside:.1f} levels inside the mask and by {outside:.1f} outside"
            findings.append(Finding(Reason.INVERTED_MASK, None, detail))
        else:
            misaligned = alignment.check_alignment(self.comparisons, self.settings, read_pair, read_truth)
            findings += misaligned or mask_timing.check_shift(self.changes, read_hole)
            if inside is not None and inside < SAME_PICTURE_LEVELS:
                detail = f"input and truth differ by {inside:.2f} levels inside the mask"
                findings.append(Finding(Reason.NOTHING_REMOVED, None, detail))
        findings += mask_timing.check_areas(self.areas)
        if len(self.differences) > 1 and self.largest_change < SAME_PICTURE_LEVELS:
            detail = f"{self.settings.rgb_folder}: {len(self.differences)} frames were compared"
            findings.append(Finding(Reason.STATIC_SEQUENCE, None, detail))
        return Content(
            coverage=self.coverage,
            difference_inside=inside,
            difference_outside=outside,
            effect_share=self._share("effect", "around"),
            camera_motion=median(self.camera_motion) if self.camera_motion else None,
            mask_motion=median(self.mask_motion) if self.mask_motion else None,
            look=similarity.sequence_hash(self.hashes),
            findings=findings,
        )

    def _share(self, part: str, whole: str) -> float | None:
        parts = sum(getattr(difference, part) for difference in self.differences)
        return content.share(parts, sum(getattr(difference, whole) for difference in self.differences))
