"""Random moving outlines: of the objects in sample sequences, and of the holes that training adds.

Lengths are in pixels, times in frames, angles in radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.masks import Hole

CANVAS = 4.0
"""Side of a sprite's canvas in radii: the outline reaches up to 1.9 radii, and the shadow is blurred beyond it."""


@dataclass(frozen=True)
class Motion:
    """An object's position in each frame.

    x, y: pixels; scale: factor; angle: radians; each [frames]. shadow: (x, y) offset of the shadow in pixels; darkness:
    how much the shadow darkens, 0..1.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]
    angle: NDArray[np.float64]
    shadow: tuple[float, float]
    darkness: float

    def matrix(self, frame: int, side: int, shadow: bool = False) -> NDArray[np.float64]:
        """The [2, 3] affine matrix that maps the object's canvas, [side, side], or its shadow's to the frame."""
        away = self.shadow if shadow else (0.0, 0.0)
        place = np.array([self.x[frame], self.y[frame]]) + away
        return similarity_matrix(float(self.scale[frame]), float(self.angle[frame]), (side / 2, side / 2), place)


def draw_motion(rng: np.random.Generator, frames: int, size: tuple[int, int], radius: float) -> Motion:
    """A smooth random motion of an object of `radius` pixels: position, rotation and scale. size: (width, height)."""
    width, height = size
    turning = oscillation(rng, frames, rng.uniform(0, 0.5), (30, 90))
    shadow = draw_shadow(rng, radius)
    return Motion(
        x=width * (rng.uniform(0.4, 0.6) + oscillation(rng, frames, rng.uniform(0.15, 0.36), (28, 70))),
        y=height * (rng.uniform(0.42, 0.6) + oscillation(rng, frames, rng.uniform(0.05, 0.28), (28, 70))),
        scale=np.exp(oscillation(rng, frames, rng.uniform(0, 0.12), (20, 60))),
        angle=turning + rng.uniform(0, 2 * np.pi),
        shadow=shadow,
        darkness=rng.uniform(0.3, 0.6),
    )


def draw_shadow(rng: np.random.Generator, radius: float) -> tuple[float, float]:
    """Offset (x, y) in pixels of the shadow of an object of `radius` pixels: below it, to the left or right."""
    away = rng.uniform(0.15 * np.pi, 0.85 * np.pi)
    throw = radius * rng.uniform(0.35, 0.7)
    return float(np.cos(away) * throw), float(np.sin(away) * throw)


def silhouette(rng: np.random.Generator, side: int, radius: float) -> NDArray[np.float32]:
    """The matte of one to three overlapping outlines: float32 [side, side] in [0, 1], with anti-aliased edges."""
    matte = np.zeros((side, side), np.uint8)
    for part in range(int(rng.integers(1, 4))):
        corners = int(rng.choice([3, 4, 5, 40, 40, 40]))
        reach = radius if part == 0 else radius * rng.uniform(0.3, 0.6)
        away = rng.uniform(0, 2 * np.pi)
        centre = side / 2 + (0.8 * radius * np.array([np.cos(away), np.sin(away)]) if part else 0)
        outline = np.clip(blob(rng, corners) * reach + centre, 2, side - 3)
        cv2.fillPoly(matte, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return matte.astype(np.float32) / np.float32(255)


def moving_hole(rng: np.random.Generator, frames: int, size: tuple[int, int], radius: float) -> Hole:
    """A hole with a radius of about `radius` pixels that moves through a clip: bool [frames, height, width].

    size: (width, height) in pixels.
    """
    matte = silhouette(rng, int(np.ceil(CANVAS * radius)), radius)
    motion = draw_motion(rng, frames, size, radius)
    return np.stack([cv2.warpAffine(matte, motion.matrix(frame, len(matte)), size) > 0 for frame in range(frames)])


def blob(rng: np.random.Generator, corners: int) -> NDArray[np.float64]:
    """A random closed outline around the origin with a mean radius of about 1: float [corners, 2]."""
    angle = 2 * np.pi * (np.arange(corners) + rng.uniform(0, 1)) / corners
    radius = np.ones(corners)
    for wave in range(2, 5):
        radius += rng.uniform(-0.18, 0.18) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    stretch = np.exp(rng.uniform(-0.3, 0.3))
    points = np.stack([np.cos(angle) * radius * stretch, np.sin(angle) * radius / stretch], axis=1)
    turn = rng.uniform(0, np.pi)
    return points @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


def oscillation(
    rng: np.random.Generator, frames: int, reach: float, periods: tuple[float, float]
) -> NDArray[np.float64]:
    """A smooth oscillation, float64 [frames] in [-reach, reach]: a slow sine wave plus a weaker, faster one.

    periods: lower and upper bound of the slow wave's period, in frames.
    """
    time = np.arange(frames)
    period, phase, ripple = rng.uniform(*periods), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    slow = np.sin(2 * np.pi * time / period + phase)
    fast = np.sin(2 * np.pi * time / (0.37 * period) + ripple)
    return reach * (0.85 * slow + 0.15 * fast)


def similarity_matrix(scale: float, angle: float, source: Any, target: Any) -> NDArray[np.float64]:
    """The [2, 3] affine matrix that scales, and rotates by `angle` radians, and maps the point `source` to `target`."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, np.asarray(target) - turn @ np.asarray(source)])
