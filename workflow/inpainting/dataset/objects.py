"""Moving textured objects and the soft shadows that they cast: what a made sequence asks to be removed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.dataset.scenes import (
    PHOTOGRAPHS,
    Image,
    blob,
    photograph_at,
    recolour,
    similarity,
    swing,
    texture,
)

CANVAS = 4.0
"""A sprite's canvas, in radii: room for the outline, which may reach 1.9 radii, and for the blurred shadow."""


@dataclass(frozen=True)
class Sprite:
    """An object before it is placed: premultiplied colours and matte, and the shadow's blurred matte.

    colours: float32 [side, side, 4], RGB times matte and the matte; shadow: float32 [side, side].
    """

    colours: NDArray[np.float32]
    shadow: NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """Where an object is: x, y in pixels, scale and angle (radians), each [frames]; the shadow's offset in pixels."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]
    angle: NDArray[np.float64]
    shadow: tuple[float, float]
    darkness: float


def draw_sprite(rng: np.random.Generator, radius: float) -> Sprite:
    """An object of about `radius` pixels: one to three overlapping shapes, textured, lit from one side."""
    side = int(np.ceil(CANVAS * radius))
    matte = silhouette(rng, side, radius)
    depth = cv2.GaussianBlur(matte, (0, 0), max(0.35 * radius, 0.5))
    shine = rng.uniform(-1, 1, 2)
    slope = cv2.Sobel(depth, cv2.CV_32F, 1, 0) * shine[0] + cv2.Sobel(depth, cv2.CV_32F, 0, 1) * shine[1]
    light = 0.7 + 0.35 * depth + 0.25 * slope / (np.abs(slope).max() + 1e-6)
    colours = np.clip(skin(rng, side) * light[..., None], 0, 1) * matte[..., None]
    shadow = cv2.GaussianBlur(matte, (0, 0), max(rng.uniform(0.08, 0.22) * radius, 0.6))
    return Sprite(np.dstack([colours, matte]).astype(np.float32), shadow)


def silhouette(rng: np.random.Generator, side: int, radius: float) -> NDArray[np.float32]:
    """The matte of one to three overlapping outlines, float32 [side, side] in [0, 1], its edges anti-aliased."""
    matte = np.zeros((side, side), np.uint8)
    for part in range(int(rng.integers(1, 4))):
        corners = int(rng.choice([3, 4, 5, 40, 40, 40]))
        reach = radius if part == 0 else radius * rng.uniform(0.3, 0.6)
        away = rng.uniform(0, 2 * np.pi)
        centre = side / 2 + (0.8 * radius * np.array([np.cos(away), np.sin(away)]) if part else 0)
        outline = np.clip(blob(rng, corners) * reach + centre, 2, side - 3)
        cv2.fillPoly(matte, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return matte.astype(np.float32) / np.float32(255)


def skin(rng: np.random.Generator, side: int) -> Image:
    """What covers an object: a procedural texture or a piece of a photograph, [side, side, 3]."""
    if rng.random() < 0.6:
        return texture(rng, (side, side))
    name = str(rng.choice(list(PHOTOGRAPHS)))
    picture = recolour(rng, photograph_at(rng, name, (side, side)))
    top, left = (int(rng.integers(0, room - side + 1)) for room in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def draw_motion(rng: np.random.Generator, frames: int, size: tuple[int, int], radius: float) -> Motion:
    """A smooth path on which an object of `radius` pixels crosses the frame, turns and breathes."""
    width, height = size
    turning = swing(rng, frames, rng.uniform(0, 0.5), (30, 90))
    away = rng.uniform(0.15 * np.pi, 0.85 * np.pi)
    throw = radius * rng.uniform(0.35, 0.7)
    return Motion(
        x=width * (rng.uniform(0.4, 0.6) + swing(rng, frames, rng.uniform(0.15, 0.36), (28, 70))),
        y=height * (rng.uniform(0.42, 0.6) + swing(rng, frames, rng.uniform(0.05, 0.28), (28, 70))),
        scale=np.exp(swing(rng, frames, rng.uniform(0, 0.12), (20, 60))),
        angle=turning + rng.uniform(0, 2 * np.pi),
        shadow=(float(np.cos(away) * throw), float(np.sin(away) * throw)),
        darkness=rng.uniform(0.3, 0.6),
    )


def paste(clip: NDArray[np.float32], sprite: Sprite, motion: Motion) -> NDArray[np.float32]:
    """Put an object and its shadow into `clip` [frames, height, width, 3], in place.

    Returns the object's matte, float32 [frames, height, width]: more than 0 wherever the object, not its shadow, shows.
    """
    frames, height, width = clip.shape[:3]
    middle = (sprite.shadow.shape[1] / 2, sprite.shadow.shape[0] / 2)
    mattes = np.empty((frames, height, width), np.float32)
    for frame in range(frames):
        place = np.array([motion.x[frame], motion.y[frame]])
        turn = (float(motion.scale[frame]), float(motion.angle[frame]), middle)
        shade = cv2.warpAffine(sprite.shadow, similarity(*turn, place + motion.shadow), (width, height))
        drawn = cv2.warpAffine(sprite.colours, similarity(*turn, place), (width, height))
        mattes[frame] = drawn[..., 3]
        shaded = clip[frame] * (1 - motion.darkness * shade[..., None])
        clip[frame] = shaded * (1 - drawn[..., 3:]) + drawn[..., :3]
    return mattes
