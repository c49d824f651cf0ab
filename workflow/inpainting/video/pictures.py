"""Still pictures for sample sequences: photographs and procedural textures.

Lengths are fractions of the frame height, so that a picture looks the same at every size. Colours are RGB, float32 in
[0, 1].
"""

from __future__ import annotations

import functools
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.video.outlines import blob

FloatImage = NDArray[np.float32]
"""[height, width, 3], values in [0, 1]."""

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "clock": "clock_motion.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "hubble": "hubble_deep_field.jpg",
    "immunohistochemistry": "ihc.png",
    "moon": "moon.png",
    "motorcycle_left": "motorcycle_left.png",
    "motorcycle_right": "motorcycle_right.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}
"""Files in scikit-image's wheel, so that nothing is downloaded; models/nano/README.md lists their licences."""


@functools.lru_cache(maxsize=len(PHOTOGRAPHS))
def photograph(name: str) -> NDArray[np.uint8]:
    """One of PHOTOGRAPHS: uint8 [height, width, 3], RGB; grey ones have three equal channels."""
    encoded = np.frombuffer((resources.files("skimage.data") / PHOTOGRAPHS[name]).read_bytes(), np.uint8)
    picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"scikit-image's photograph {PHOTOGRAPHS[name]} cannot be decoded")
    return np.ascontiguousarray(picture[:, :, ::-1])


def photograph_at(rng: np.random.Generator, name: str, size: tuple[int, int]) -> FloatImage:
    """A photograph [rows, columns, 3], randomly mirrored.

    It is scaled so that a frame of `size` (width, height) shows 40 to 85 % of it.
    """
    picture = photograph(name)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    return rescaled(picture, size, rng.uniform(0.4, 0.85))


def rescaled(picture: NDArray[np.uint8], size: tuple[int, int], shown: float) -> FloatImage:
    """Scale a picture, uint8 [rows, columns, 3], so that a frame shows only a part of it.

    size: (width, height) of the frame; shown: the share, 0..1, of the picture's tighter side that the frame shows.
    """
    width, height = size
    scale = max(height / picture.shape[0], width / picture.shape[1]) / shown
    canvas = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    resized = cv2.resize(picture, canvas, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return resized.astype(np.float32) / np.float32(255)


def recolour(rng: np.random.Generator, picture: FloatImage) -> FloatImage:
    """Vary exposure, contrast and white balance of a picture [height, width, 3].

    Grey photographs are tinted, the channels of some others permuted.
    """
    grey = bool(np.all(picture[..., 0] == picture[..., 1]))
    if grey:
        dark, light = rng.uniform(0, 0.35, 3), rng.uniform(0.6, 1, 3)
        picture = (dark + (light - dark) * picture).astype(np.float32)
    elif rng.random() < 0.25:
        picture = picture[..., rng.permutation(3)]
    balanced = picture * (rng.uniform(0.75, 1.15) * rng.uniform(0.92, 1.08, 3))
    return np.clip(balanced, 0, 1).astype(np.float32) ** np.float32(rng.uniform(0.8, 1.25))


def texture(rng: np.random.Generator, size: tuple[int, int]) -> FloatImage:
    """A procedural picture [height, width, 3] for `size` (width, height).

    It shows fallen leaves, cloudy noise, or noise with stripes or checks.
    """
    kind = rng.choice(["leaves", "clouds", "stripes"], p=[0.5, 0.25, 0.25])
    picture = leaves(rng, size) if kind == "leaves" else clouds(rng, size)
    if kind == "stripes":
        picture += stripes(rng, size)[..., None] * (rng.uniform(0.05, 0.25) * rng.uniform(0.5, 1, 3))
    slope_x, slope_y = rng.normal(0, 0.08, (2, 3))
    picture = picture + np.linspace(-1, 1, size[1])[:, None, None] * slope_y
    picture = picture + np.linspace(-1, 1, size[0])[None, :, None] * slope_x
    return np.clip(picture, 0, 1).astype(np.float32)


def clouds(rng: np.random.Generator, size: tuple[int, int]) -> FloatImage:
    """Value noise over several octaves around one colour, mostly of one hue, [height, width, 3]."""
    width, height = size
    noise = np.zeros((height, width, 3), np.float32)
    cells, weight, decay = rng.uniform(2, 4), 1.0, rng.uniform(0.45, 0.7)
    while cells < 0.6 * height:
        grid = rng.normal(0, 1, (int(cells) + 2, int(cells * width / height) + 2, 3)).astype(np.float32)
        noise += weight * cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
        cells, weight = 2 * cells, weight * decay
    base = np.clip(rng.uniform(0.2, 0.8) + rng.normal(0, 0.12, 3), 0.05, 0.95)
    palette = np.outer(rng.uniform(0.6, 1.3, 3), [1, 0, 0]) + rng.normal(0, rng.uniform(0.1, 0.4), (3, 3))
    return (base + rng.uniform(0.04, 0.14) * (noise @ palette.T)).astype(np.float32)


def stripes(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """Stripes or checks with soft to hard edges: float32 [height, width] in [-1, 1]."""
    width, height = size
    angle, period = rng.uniform(0, np.pi), height * rng.uniform(0.06, 0.25)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    wave = np.sin(2 * np.pi * along / period)
    if rng.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * across / period)
    return np.tanh(wave * rng.uniform(1, 6)).astype(np.float32)


def leaves(rng: np.random.Generator, size: tuple[int, int]) -> FloatImage:
    """The dead leaves model: opaque shapes of all sizes on top of each other, which have the statistics of photographs.

    Returns [height, width, 3]. Radii have a density proportional to r^-3, which makes the picture scale invariant
    (A. B. Lee, D. Mumford, J. Huang: Occlusion models for natural images, IJCV 41, 2001).
    """
    width, height = size
    picture = clouds(rng, size)
    hues = np.clip(rng.uniform(0.15, 0.85, (6, 1)) + rng.normal(0, 0.15, (6, 3)), 0, 1)
    count, smallest, largest = 160, rng.uniform(0.03, 0.1) * height, 0.5 * height
    share = rng.random(count)
    radii = 1 / np.sqrt(share / smallest**2 + (1 - share) / largest**2)
    order = np.argsort(-radii + rng.normal(0, 0.1 * height, count))
    for radius in radii[order]:
        outline = blob(rng, corners=int(rng.integers(3, 24))) * radius + rng.uniform(0, 1, 2) * (width, height)
        colour = hues[rng.integers(len(hues))] + rng.normal(0, 0.05, 3)
        fill = tuple(float(value) for value in colour)
        cv2.fillPoly(picture, [np.round(outline * 16).astype(np.int32)], fill, cv2.LINE_8, 4)
    softened = cv2.GaussianBlur(picture, (0, 0), 0.6)
    grain = cv2.resize(rng.normal(0, 1, (height // 2, width // 2)).astype(np.float32), size)
    return softened + (rng.uniform(0, 0.06) * grain)[..., None]
