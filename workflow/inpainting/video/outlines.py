"""Outlines that move through a clip: of the objects that made sequences show, and of holes that training adds.

Lengths are in pixels or, where said, in frame sides; times in frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.masks import Hole

CANVAS = 4.0
"""A sprite's canvas, in radii: room for the outline, which may reach 1.9 radii, and for the blurred shadow."""


@dataclass(frozen=True)
class Motion:
    """Where an object is: x, y in pixels, scale and angle (radians), each [frames]; the shadow's offset in pixels."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]
    angle: NDArray[np.float64]
    shadow: tuple[float, float]
    darkness: float

    def placing(self, frame: int, side: int, shadow: bool = False) -> NDArray[np.float64]:
        """The 2 x 3 matrix that carries a picture of the object, [side, side], or of its shadow to where it is."""
        away = self.shadow if shadow else (0.0, 0.0)
        place = np.array([self.x[frame], self.y[frame]]) + away
        return similarity(float(self.scale[frame]), float(self.angle[frame]), (side / 2, side / 2), place)


def draw_motion(rng: np.random.Generator, frames: int, size: tuple[int, int], radius: float) -> Motion:
    """A smooth path on which an object of `radius` pixels crosses the frame, turns and breathes."""
    width, height = size
    turning = swing(rng, frames, rng.uniform(0, 0.5), (30, 90))
    shadow = draw_shadow(rng, radius)
    return Motion(
        x=width * (rng.uniform(0.4, 0.6) + swing(rng, frames, rng.uniform(0.15, 0.36), (28, 70))),
        y=height * (rng.uniform(0.42, 0.6) + swing(rng, frames, rng.uniform(0.05, 0.28), (28, 70))),
        scale=np.exp(swing(rng, frames, rng.uniform(0, 0.12), (20, 60))),
        angle=turning + rng.uniform(0, 2 * np.pi),
        shadow=shadow,
        darkness=rng.uniform(0.3, 0.6),
    )


def draw_shadow(rng: np.random.Generator, radius: float) -> tuple[float, float]:
    """How far from an object of `radius` pixels its shadow falls, (x, y) in pixels: below it, to either side."""
    away = rng.uniform(0.15 * np.pi, 0.85 * np.pi)
    throw = radius * rng.uniform(0.35, 0.7)
    return float(np.cos(away) * throw), float(np.sin(away) * throw)


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


def moving_hole(rng: np.random.Generator, frames: int, size: tuple[int, int], radius: float) -> Hole:
    """Where an outline of about `radius` pixels is while it crosses a clip: bool [frames, height, width].

    size: (width, height) in pixels.
    """
    matte = silhouette(rng, int(np.ceil(CANVAS * radius)), radius)
    motion = draw_motion(rng, frames, size, radius)
    return np.stack([cv2.warpAffine(matte, motion.placing(frame, len(matte)), size) > 0 for frame in range(frames)])


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


def swing(rng: np.random.Generator, frames: int, reach: float, periods: tuple[float, float]) -> NDArray[np.float64]:
    """A smooth bounded wander [frames] within [-reach, reach]: one slow wave and a faint faster one.

    periods: bounds of the slow wave's period, in frames.
    """
    time = np.arange(frames)
    period, phase, ripple = rng.uniform(*periods), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    slow = np.sin(2 * np.pi * time / period + phase)
    fast = np.sin(2 * np.pi * time / (0.37 * period) + ripple)
    return reach * (0.85 * slow + 0.15 * fast)


def similarity(scale: float, angle: float, source: Any, target: Any) -> NDArray[np.float64]:
    """The 2 x 3 matrix that turns and scales about the point `source` and carries it to `target`."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, np.asarray(target) - turn @ np.asarray(source)])
