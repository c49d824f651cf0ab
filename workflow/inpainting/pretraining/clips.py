"""Training clips for the nano model: made by the project's own sample maker, from photographs and textures alone.

A folder of further photographs makes them more varied: some clips then pan over one of these instead.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from inpainting.core.errors import UsageError
from inpainting.core.files import atomic_path, file_digest, value_digest
from inpainting.core.progress import Progress
from inpainting.core.seeds import derive
from inpainting.core.workers import process_pool
from inpainting.stages.dataset.sample import make_sequence
from inpainting.stages.dataset.scenes import camera_path, view
from inpainting.video.pictures import recolour, rescaled

Clip = NDArray[np.uint8]
"""[frames, height, width, 3], RGB."""

GREY = 128
"""What a hole is filled with."""

SHRUNK_SHARE = 0.7
"""Share of crops that are shrunk to half first, where the clip is large enough: they are as sharp as footage."""

FURTHER_SHARE = 0.5
"""Share of clips that pan over one of the further photographs, where there are any."""


@dataclass(frozen=True)
class ClipPlan:
    """What clips are like: their length, size (width, height) in pixels, and what they show.

    holes: some clips are a truth with its hole grey, which is what a VAE has to encode as the condition.
    photographs: further photographs that some clips show, none for the sample maker's alone.
    dynamic_share: share of the sample maker's clips that show dynamic scenes.
    """

    seed: int
    frames: int
    size: tuple[int, int]
    holes: bool
    photographs: tuple[Path, ...] = ()
    dynamic_share: float = 0.0

    @property
    def digest(self) -> str:
        """Digest of all that shapes a clip, the photographs' bytes too."""
        pictures = [file_digest(path) for path in self.photographs]
        return value_digest([self.seed, self.frames, self.size, self.holes, pictures, self.dynamic_share])


def further_photographs(folder: Path | None) -> tuple[Path, ...]:
    """The JPEG and PNG files of a folder, by name; none without a folder.

    Raises UsageError for a folder that is not there or holds no such file.
    """
    if folder is None:
        return ()
    found = tuple(sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")))
    if not found:
        raise UsageError(f"--photographs: {folder} holds no .jpg or .png file; give a folder of photographs")
    return found


def draw_clip(plan: ClipPlan, index: int) -> Clip:
    """One clip: mostly a sequence's truth, sometimes its input with the objects, or a pan over a photograph."""
    rng = np.random.default_rng(derive(plan.seed, "pretraining.kind", index))
    kind = rng.random()
    if plan.photographs and rng.random() < FURTHER_SHARE:
        return pan(rng, photograph(plan.photographs[rng.integers(len(plan.photographs))]), plan.frames, plan.size)
    sequence = make_sequence(plan.seed, index, plan.frames, plan.size, dynamic_share=plan.dynamic_share)
    if plan.holes and kind > 0.85:
        return np.where(sequence.mask[..., None] > 0, np.uint8(GREY), sequence.truth)
    return sequence.truth if kind < 0.65 else sequence.rgb


@functools.lru_cache(maxsize=64)
def photograph(path: Path) -> Clip:
    """A photograph of at most 1,000 pixels a side, uint8 [height, width, 3], RGB."""
    with PIL.Image.open(path) as picture:
        picture.draft("RGB", (2000, 2000))
        picture.thumbnail((1000, 1000))
        return np.asarray(picture.convert("RGB"))


def pan(rng: np.random.Generator, picture: Clip, frames: int, size: tuple[int, int]) -> Clip:
    """A camera that moves over a piece of a photograph, which a frame shows 15 to 60 % of."""
    width, height = size
    piece = recolour(rng, rescaled(picture, size, rng.uniform(0.15, 0.6)))
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    rows, columns = piece.shape[:2]
    top = rng.integers(0, max(1, rows - 2 * height))
    left = rng.integers(0, max(1, columns - 2 * width))
    piece = np.ascontiguousarray(piece[top : top + 2 * height, left : left + 2 * width])
    camera = camera_path(rng, frames, (0.4, 0.4), still=0.1)
    return np.round(view(piece, camera, size) * 255).clip(0, 255).astype(np.uint8)


def draw_clips(plan: ClipPlan, start: int, count: int, workers: int) -> Iterator[Clip]:
    """Clips `start` .. `start + count - 1`, in order, made by `workers` processes."""
    draw, numbers = functools.partial(draw_clip, plan), range(start, start + count)
    if workers == 1:
        yield from map(draw, numbers)
        return
    with process_pool(workers, preload=draw_clip.__module__) as pool:
        yield from pool.map(draw, numbers, chunksize=8)


def clip_pool(folder: Path, plan: ClipPlan, count: int, workers: int) -> Clip:
    """All clips in one file, made once and then mapped: uint8 [count, frames, height, width, 3]."""
    width, height = plan.size
    path = folder / f"clips-{value_digest([plan.digest, count])[:12]}.npy"
    if not path.exists():
        progress = Progress("clips", "clips", count)
        with atomic_path(path) as temporary:
            shape = (count, plan.frames, height, width, 3)
            pool = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
            for index, clip in enumerate(draw_clips(plan, 0, count, workers)):
                pool[index] = clip
                progress.step()
            pool.flush()
    return np.load(path, mmap_mode="r")


def crop(rng: np.random.Generator, clip: Clip, frames: int, size: tuple[int, int]) -> Clip:
    """A window of `frames` and piece of `size` (width, height), at random shrunk, mirrored, reversed, recoloured."""
    width, height = size
    start = int(rng.integers(0, len(clip) - frames + 1))
    piece = clip[start : start + frames]
    if clip.shape[1] >= 2 * height and rng.random() < SHRUNK_SHARE:
        shrunk = (clip.shape[2] // 2, clip.shape[1] // 2)
        piece = np.stack([cv2.resize(frame, shrunk, interpolation=cv2.INTER_AREA) for frame in piece])
    top = int(rng.integers(0, piece.shape[1] - height + 1))
    left = int(rng.integers(0, piece.shape[2] - width + 1))
    piece = piece[:, top : top + height, left : left + width]
    mirrored, reversed_, recoloured = rng.random(3) < (0.5, 0.3, 0.2)
    piece = piece[:, :, ::-1] if mirrored else piece
    piece = piece[::-1] if reversed_ else piece
    return piece[..., rng.permutation(3)] if recoloured else piece
