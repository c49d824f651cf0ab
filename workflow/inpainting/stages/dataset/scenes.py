"""Backgrounds of sample sequences: a moving camera over a still picture.

Lengths are in frame heights and times in frames, so that scenes do not depend on the frame size.
Colours are RGB, float32 in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.outlines import oscillation, similarity_matrix
from inpainting.video.pictures import PHOTOGRAPHS, FloatImage, photograph_at, recolour, texture

TEXTURE_SHARE = 0.35
"""Share of scenes that are procedural textures instead of photographs."""


@dataclass(frozen=True)
class Camera:
    """A smooth camera path over a still picture; each array is [frames].

    x, y: offset of the frame's centre from the picture's in frame heights; zoom: magnification; angle: radians.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    zoom: NDArray[np.float64]
    angle: NDArray[np.float64]

    @property
    def kind(self) -> str:
        """ "still" or "moving"."""
        arrays = (self.x, self.y, self.zoom, self.angle)
        return "still" if all(np.ptp(array) == 0 for array in arrays) else "moving"


def camera_path(
    rng: np.random.Generator,
    frames: int,
    room: tuple[float, float],
    still: float,
    periods: tuple[float, float] = (50, 140),
) -> Camera:
    """Draw a camera path: with probability `still` a still camera, else one that pans, zooms and rotates slightly.

    room: largest offset (x, y) in frame heights; periods: shortest and longest period of a pan in frames.
    """
    is_still = rng.random() < still
    x, y = (
        oscillation(rng, frames, min(limit, reach), periods) for limit, reach in zip(room, (0.45, 0.25), strict=True)
    )
    zoom = np.exp(oscillation(rng, frames, rng.uniform(0, 0.15), periods))
    angle = oscillation(rng, frames, rng.uniform(0, 0.08), periods)
    if is_still:
        x, y, zoom, angle = (np.full(frames, array[0]) for array in (x, y, zoom, angle))
    return Camera(x, y, zoom, angle)


def draw_scene(rng: np.random.Generator, frames: int, size: tuple[int, int], still: float) -> tuple[Any, str, Camera]:
    """A background clip: (float32 [frames, height, width, 3] in 0..1, name of the photograph or "texture", camera)."""
    name, picture, room = background(rng, size)
    camera = camera_path(rng, frames, room, still)
    return render(picture, camera, size), name, camera


def background(rng: np.random.Generator, size: tuple[int, int]) -> tuple[str, FloatImage, tuple[float, float]]:
    """A still picture for frames of `size` (width, height): (photograph's name or "texture", picture, room).

    picture: float32 [rows, columns, 3] in 0..1; room: of `camera_path`.
    """
    width, height = size
    if rng.random() < TEXTURE_SHARE:
        name, picture = "texture", texture(rng, (round(width + 0.9 * height), round(1.6 * height)))
    else:
        name = str(rng.choice(list(PHOTOGRAPHS)))
        picture = recolour(rng, photograph_at(rng, name, size))
    rows, columns = picture.shape[:2]
    room = (max(0.08, (columns - width) / height / 2 - 0.04), max(0.06, (rows / height - 1) / 2 - 0.04))
    return name, picture, room


def render(picture: FloatImage, camera: Camera, size: tuple[int, int]) -> NDArray[np.float32]:
    """The camera's frames, float32 [frames, height, width, 3] in 0..1; the picture is mirrored at its edges."""
    width, height = size
    centre = np.array([picture.shape[1] / 2, picture.shape[0] / 2])
    clip = np.empty((len(camera.x), height, width, 3), np.float32)
    for frame, (x, y, zoom, angle) in enumerate(zip(camera.x, camera.y, camera.zoom, camera.angle, strict=True)):
        target = centre + height * np.array([x, y])
        matrix = similarity_matrix(1 / zoom, angle, (width / 2, height / 2), target)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        clip[frame] = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return clip
