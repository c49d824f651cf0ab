"""Training clips: sequences of `inpaint sample`, made from photographs and procedural textures."""

import functools

import cv2
import numpy as np
from inpainting.core.progress import tracked
from inpainting.core.seeds import derive
from inpainting.core.workers import process_pool
from inpainting.stages.dataset.sample import make_sequence
from numpy.typing import NDArray

Clip = NDArray[np.uint8]
"""[frames, height, width, 3], RGB."""

FRAMES, WIDTH, HEIGHT = 17, 128, 96
"""A whole clip."""

GREY = 128
"""Holes are filled with it."""

SHRUNK_SHARE = 0.7
"""Share of crops that are shrunk to half first, which makes them as sharp as footage."""


def draw_clip(seed: int, size: tuple[int, int], holes: bool, dynamic_share: float, index: int) -> Clip:
    """Clip number `index`, of FRAMES frames of `size` (width, height): mostly a truth, sometimes with its objects.

    holes: some clips are truths whose holes are grey, as the VAE has to encode them for a condition.
    dynamic_share: share of clips that show dynamic scenes.
    """
    kind = np.random.default_rng(derive(seed, "pretraining.kind", index)).random()
    sequence = make_sequence(seed, index, FRAMES, size, dynamic_share=dynamic_share)
    if holes and kind > 0.85:
        return np.where(sequence.mask[..., None] > 0, np.uint8(GREY), sequence.truth)
    return sequence.truth if kind < 0.65 else sequence.rgb


def draw_clips(
    seed: int, count: int, size: tuple[int, int], holes: bool = False, dynamic_share: float = 0, workers: int = 1
) -> Clip:
    """Clips as of `draw_clip`, drawn by `workers` processes: uint8 [count, FRAMES, height, width, 3]."""
    draw = functools.partial(draw_clip, seed, size, holes, dynamic_share)
    clips = np.empty((count, FRAMES, size[1], size[0], 3), np.uint8)
    if workers == 1:
        for index in range(count):
            clips[index] = draw(index)
        return clips
    with process_pool(workers, preload=make_sequence.__module__) as pool:
        drawn = pool.map(draw, range(count), chunksize=8)
        for index, clip in enumerate(tracked(drawn, "clips", "clips", count)):
            clips[index] = clip
    return clips


@functools.lru_cache(maxsize=2)
def held_out(seed: int, count: int) -> Clip:
    """Clips that are not trained on: uint8 [count, FRAMES, HEIGHT, WIDTH, 3]."""
    return draw_clips(derive(seed, "pretraining.held-out"), count, (WIDTH, HEIGHT))


def crop(rng: np.random.Generator, clip: Clip, frames: int, size: tuple[int, int]) -> Clip:
    """A random window of `frames` and piece of `size` (width, height) of a clip at least twice as large.

    At random it is shrunk to half first, mirrored, reversed in time, its colours permuted.
    """
    width, height = size
    start = int(rng.integers(0, len(clip) - frames + 1))
    piece = clip[start : start + frames]
    if rng.random() < SHRUNK_SHARE:
        shrunk = (clip.shape[2] // 2, clip.shape[1] // 2)
        piece = np.stack([cv2.resize(frame, shrunk, interpolation=cv2.INTER_AREA) for frame in piece])
    top = int(rng.integers(0, piece.shape[1] - height + 1))
    left = int(rng.integers(0, piece.shape[2] - width + 1))
    piece = piece[:, top : top + height, left : left + width]
    mirrored, reversed_, recoloured = rng.random(3) < (0.5, 0.3, 0.2)
    piece = piece[:, :, ::-1] if mirrored else piece
    piece = piece[::-1] if reversed_ else piece
    return piece[..., rng.permutation(3)] if recoloured else piece
