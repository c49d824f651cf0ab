"""Training clips: sequences of `inpaint sample`, made from photographs and procedural textures."""

import functools

import cv2
import numpy as np
from inpainting.core.progress import tracked
from inpainting.core.seeds import derive
from inpainting.core.workers import process_pool
from inpainting.stages.dataset.sample import make_sequence
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""RGB: a clip [frames, height, width, 3] or several [clips, frames, height, width, 3]."""

FRAMES, WIDTH, HEIGHT = 17, 128, 96
"""Size of a whole clip."""

GREY = 128
"""The value that fills a hole."""

SHRUNK_SHARE = 0.7
"""Share of crops that are shrunk to half first, which makes them about as sharp as real video."""


def draw_clip(seed: int, size: tuple[int, int], holes: bool, dynamic_share: float, index: int) -> Pixels:
    """Clip number `index`, uint8 [FRAMES, height, width, 3] of `size` (width, height): a truth or an input.

    holes: if true, 15 % of the clips are truths with grey holes, which the VAE has to encode as conditions.
    dynamic_share: share of clips that show dynamic scenes.
    """
    kind = np.random.default_rng(derive(seed, "pretraining.kind", index)).random()
    sequence = make_sequence(seed, index, FRAMES, size, dynamic_share=dynamic_share)
    if holes and kind > 0.85:
        return np.where(sequence.mask[..., None] > 0, np.uint8(GREY), sequence.truth)
    return sequence.truth if kind < 0.65 else sequence.rgb


def draw_clips(
    seed: int, count: int, size: tuple[int, int], holes: bool = False, dynamic_share: float = 0, workers: int = 1
) -> Pixels:
    """The first `count` clips of `draw_clip`, drawn by `workers` processes: uint8 [count, FRAMES, height, width, 3]."""
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
def held_out(seed: int, count: int) -> Pixels:
    """Clips that are not trained on: uint8 [count, FRAMES, HEIGHT, WIDTH, 3]."""
    return draw_clips(derive(seed, "pretraining.held-out"), count, (WIDTH, HEIGHT))


def crop(rng: np.random.Generator, clip: Pixels, frames: int, size: tuple[int, int]) -> Pixels:
    """A random crop of a clip: uint8 [frames, height, width, 3] of `size` (width, height).

    The clip is [>= frames, height, width, 3] and at least twice as wide and high. Random augmentations: shrink it to
    half before cropping, mirror, reverse in time, permute the colour channels.
    """
    width, height = size
    start = int(rng.integers(0, len(clip) - frames + 1))
    cropped = clip[start : start + frames]
    if rng.random() < SHRUNK_SHARE:
        shrunk = (clip.shape[2] // 2, clip.shape[1] // 2)
        cropped = np.stack([cv2.resize(frame, shrunk, interpolation=cv2.INTER_AREA) for frame in cropped])
    top = int(rng.integers(0, cropped.shape[1] - height + 1))
    left = int(rng.integers(0, cropped.shape[2] - width + 1))
    cropped = cropped[:, top : top + height, left : left + width]
    mirrored, backwards, permuted = rng.random(3) < (0.5, 0.3, 0.2)
    cropped = cropped[:, :, ::-1] if mirrored else cropped
    cropped = cropped[::-1] if backwards else cropped
    return cropped[..., rng.permutation(3)] if permuted else cropped
