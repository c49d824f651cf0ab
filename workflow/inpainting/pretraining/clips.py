"""Training clips for the nano model: made by the project's own sample maker, from photographs and textures alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.dataset.sample import make_sequence
from inpainting.files import atomic_path, value_digest
from inpainting.progress import Progress
from inpainting.seeds import derive

Clip = NDArray[np.uint8]
"""[frames, height, width, 3], RGB."""

GREY = 128
"""What a hole is filled with."""


def draw_clip(seed: int, index: int, frames: int, size: tuple[int, int], holes: bool) -> Clip:
    """One clip: mostly a sequence's truth, sometimes its input with the objects.

    holes: make some clips the truth with its hole grey, which is what a VAE has to encode as the condition.
    """
    sequence = make_sequence(seed, index, frames, size)
    kind = np.random.default_rng(derive(seed, "pretraining.kind", index)).random()
    if holes and kind > 0.85:
        return np.where(sequence.mask[..., None] > 0, np.uint8(GREY), sequence.truth)
    return sequence.truth if kind < 0.65 else sequence.rgb


def _draw(task: tuple[int, int, int, tuple[int, int], bool]) -> Clip:
    cv2.setNumThreads(0)
    return draw_clip(*task)


def draw_clips(
    seed: int, start: int, count: int, frames: int, size: tuple[int, int], holes: bool, workers: int
) -> Iterator[Clip]:
    """Clips `start` .. `start + count - 1`, in order, made by `workers` processes."""
    tasks = [(seed, index, frames, size, holes) for index in range(start, start + count)]
    if workers == 1:
        yield from map(_draw, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_draw, tasks, chunksize=8)


def clip_pool(
    folder: Path, seed: int, count: int, frames: int, size: tuple[int, int], holes: bool, workers: int
) -> Clip:
    """All clips in one file, made once and then mapped: uint8 [count, frames, height, width, 3]."""
    width, height = size
    digest = value_digest([seed, count, frames, size, holes])[:12]
    path = folder / f"clips-{digest}.npy"
    if not path.exists():
        progress = Progress("clips", "clips", count)
        with atomic_path(path) as temporary:
            shape = (count, frames, height, width, 3)
            pool = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
            for index, clip in enumerate(draw_clips(seed, 0, count, frames, size, holes, workers)):
                pool[index] = clip
                progress.step()
            pool.flush()
    return np.load(path, mmap_mode="r")


def crop(rng: np.random.Generator, clip: Clip, frames: int, size: tuple[int, int]) -> Clip:
    """A window of `frames` and piece of `size` (width, height), at random shrunk, mirrored, reversed, recoloured."""
    width, height = size
    start = int(rng.integers(0, len(clip) - frames + 1))
    piece = clip[start : start + frames]
    if clip.shape[1] >= 2 * height and rng.random() < 0.3:
        shrunk = (clip.shape[2] // 2, clip.shape[1] // 2)
        piece = np.stack([cv2.resize(frame, shrunk, interpolation=cv2.INTER_AREA) for frame in piece])
    top = int(rng.integers(0, piece.shape[1] - height + 1))
    left = int(rng.integers(0, piece.shape[2] - width + 1))
    piece = piece[:, top : top + height, left : left + width]
    mirrored, reversed_, recoloured = rng.random(3) < (0.5, 0.3, 0.2)
    piece = piece[:, :, ::-1] if mirrored else piece
    piece = piece[::-1] if reversed_ else piece
    return piece[..., rng.permutation(3)] if recoloured else piece
