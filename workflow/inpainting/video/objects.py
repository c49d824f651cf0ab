"""Moving textured objects with soft shadows: what is to be removed from a sample sequence."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.outlines import CANVAS, Motion, silhouette
from inpainting.video.pictures import PHOTOGRAPHS, FloatImage, photograph_at, recolour, texture


@dataclass(frozen=True)
class Sprite:
    """An object before it is placed in a frame.

    colours: float32 [side, side, 4] in [0, 1], RGB premultiplied by the matte, and the matte; shadow: float32
    [side, side] in [0, 1], the blurred matte.
    """

    colours: NDArray[np.float32]
    shadow: NDArray[np.float32]


def draw_sprite(rng: np.random.Generator, radius: float) -> Sprite:
    """Draw an object of about `radius` pixels: one to three overlapping shapes, textured, lit from one side."""
    side = int(np.ceil(CANVAS * radius))
    matte = silhouette(rng, side, radius)
    depth = cv2.GaussianBlur(matte, (0, 0), max(0.35 * radius, 0.5))
    shine = rng.uniform(-1, 1, 2)
    slope = cv2.Sobel(depth, cv2.CV_32F, 1, 0) * shine[0] + cv2.Sobel(depth, cv2.CV_32F, 0, 1) * shine[1]
    light = 0.7 + 0.35 * depth + 0.25 * slope / (np.abs(slope).max() + 1e-6)
    colours = np.clip(object_texture(rng, side) * light[..., None], 0, 1) * matte[..., None]
    shadow = cv2.GaussianBlur(matte, (0, 0), max(rng.uniform(0.08, 0.22) * radius, 0.6))
    return Sprite(np.dstack([colours, matte]).astype(np.float32), shadow)


def object_texture(rng: np.random.Generator, side: int) -> FloatImage:
    """An object's surface: a procedural texture or a crop of a photograph, [side, side, 3]."""
    if rng.random() < 0.6:
        return texture(rng, (side, side))
    name = str(rng.choice(list(PHOTOGRAPHS)))
    picture = recolour(rng, photograph_at(rng, name, (side, side)))
    top, left = (int(rng.integers(0, room - side + 1)) for room in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def paste(clip: NDArray[np.float32], sprite: Sprite, motion: Motion) -> NDArray[np.float32]:
    """Paste an object and its shadow into `clip` [frames, height, width, 3], values in [0, 1], in place.

    Returns the object's matte without its shadow: float32 [frames, height, width] in [0, 1].
    """
    frames, height, width = clip.shape[:3]
    side = len(sprite.shadow)
    mattes = np.empty((frames, height, width), np.float32)
    for frame in range(frames):
        shade = cv2.warpAffine(sprite.shadow, motion.matrix(frame, side, shadow=True), (width, height))
        drawn = cv2.warpAffine(sprite.colours, motion.matrix(frame, side), (width, height))
        mattes[frame] = drawn[..., 3]
        shaded = clip[frame] * (1 - motion.darkness * shade[..., None])
        clip[frame] = shaded * (1 - drawn[..., 3:]) + drawn[..., :3]
    return mattes
