"""Dynamic scenes: more moves than the camera, as in real footage.

A fast or shaking camera over a background, parts of which may ripple like water; foreground objects that move faster
than the background; and subjects with limbs, near the middle of the frame. Scenes are drawn at DENSITY times the size
and downsampled, so that edges are as sharp as in a downsized video.

Lengths are in frame heights and times in frames, as in scenes.py.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.stages.dataset.scenes import Camera, background, camera_path, render
from inpainting.video.objects import draw_sprite, paste
from inpainting.video.outlines import Motion, draw_shadow, oscillation
from inpainting.video.pictures import FloatImage

FloatClip = NDArray[np.float32]
"""float32 [frames, height, width, 3] in 0..1."""

DENSITY = 2
"""Factor by which a scene is drawn larger than the result, in width and height."""


def draw_dynamic_scene(
    rng: np.random.Generator, frames: int, size: tuple[int, int], still: float
) -> tuple[FloatClip, str, Camera]:
    """A dynamic background clip: (clip, name of the photograph, "texture" or "plain", camera).

    The clip is [frames, height, width, 3]. size: (width, height) in pixels; still: probability of a still camera.
    """
    width, height = (DENSITY * side for side in size)
    name, picture, room = backdrop(rng, (width, height))
    camera = camera_path(rng, frames, room, still, periods=(20, 120))
    if camera.kind == "moving":
        camera = shake(rng, camera)
    clip = render(picture, camera, (width, height))
    if rng.random() < 0.35:
        clip = ripple(rng, clip)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2]))):
        add_foreground(rng, clip, camera)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.25, 0.5, 0.25]))):
        add_subject(rng, clip)
    shrunk = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in clip])
    light = 1 + oscillation(rng, frames, rng.uniform(0, 0.06), (20, 90))
    grain = rng.uniform(0, 0.02) * rng.standard_normal(shrunk.shape, np.float32)
    return (shrunk * light.astype(np.float32)[:, None, None, None] + grain).astype(np.float32), name, camera


def backdrop(rng: np.random.Generator, size: tuple[int, int]) -> tuple[str, FloatImage, tuple[float, float]]:
    """As `scenes.background`, but also plain surfaces, two pictures joined at a horizon, and blurred pictures.

    Returns the picture as [height, width, 3].
    """
    name, picture, room = background(rng, size)
    rows, columns = picture.shape[:2]
    if rng.random() < 0.25:
        name, picture = "plain", plain(rng, (columns, rows))
    if rng.random() < 0.35:
        _, ground, _ = background(rng, size)
        if rng.random() < 0.3:
            ground = plain(rng, (columns, rows))
        ground = cv2.resize(ground, (columns, rows), interpolation=cv2.INTER_AREA)
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        horizon = rng.uniform(0.35, 0.65) * rows + rng.uniform(-0.15, 0.15) * (x - columns / 2)
        below = np.clip((y - horizon) / rng.uniform(1, 6) + 0.5, 0, 1)[..., None]
        picture = (picture * (1 - below) + ground * below).astype(np.float32)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.005, 0.04) * size[1])
    return name, picture, room


def plain(rng: np.random.Generator, size: tuple[int, int]) -> FloatImage:
    """A smooth gradient of similar colours, float32 [height, width, 3] in 0..1, for `size` (width, height)."""
    shades = (
        rng.uniform(0.1, 0.95, 3) + rng.normal(0, rng.uniform(0.02, 0.12), (2, 3, 1)) + rng.normal(0, 0.03, (2, 3, 3))
    )
    return np.clip(cv2.resize(shades.astype(np.float32), size, interpolation=cv2.INTER_CUBIC), 0, 1)


def shake(rng: np.random.Generator, camera: Camera) -> Camera:
    """The camera path with the tremor of a hand-held camera, up to 0.015 frame heights."""
    tremor = [oscillation(rng, len(camera.x), rng.uniform(0, 0.015), (4, 16)) for _ in range(2)]
    return dataclasses.replace(camera, x=camera.x + tremor[0], y=camera.y + tremor[1])


def ripple(rng: np.random.Generator, clip: FloatClip) -> FloatClip:
    """The clip [frames, height, width, 3] with a soft-edged region distorted by travelling waves."""
    frames, height, width = clip.shape[:3]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    coarse = rng.standard_normal((3, 4)).astype(np.float32) + np.float32(rng.uniform(-0.3, 0.8))
    region = np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    rippled = np.empty_like(clip)
    waves = [
        (rng.uniform(0, np.pi), rng.uniform(0.15, 0.7) * height, rng.uniform(8, 40), rng.uniform(0.003, 0.014) * height)
        for _ in range(3)
    ]
    for frame in range(frames):
        shift = np.zeros((2, height, width), np.float32)
        for angle, length, period, reach in waves:
            along = np.cos(angle) * x + np.sin(angle) * y
            wave = reach * np.sin(2 * np.pi * (along / length - frame / period)) * region
            shift += np.stack([np.sin(angle) * wave, np.cos(angle) * wave]).astype(np.float32)
        rippled[frame] = cv2.remap(
            clip[frame], x + shift[0], y + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    return rippled


def add_foreground(rng: np.random.Generator, clip: FloatClip, camera: Camera) -> None:
    """Paste a static foreground object into the clip [frames, height, width, 3], in place.

    By parallax it moves faster than the background.
    """
    frames, height, width = clip.shape[:3]
    radius = rng.uniform(0.15, 0.45) * height
    depth = rng.uniform(1.3, 3)
    x0, y0 = rng.uniform(-0.1, 1.1) * width, rng.uniform(0.3, 1.1) * height
    middle = frames // 2
    motion = Motion(
        x=x0 - depth * height * (camera.x - camera.x[middle]),
        y=y0 - depth * height * (camera.y - camera.y[middle]),
        scale=camera.zoom / camera.zoom[middle],
        angle=-(camera.angle - camera.angle[middle]) + rng.uniform(0, 2 * np.pi),
        shadow=(0.0, 0.0),
        darkness=0.0,
    )
    paste(clip, draw_sprite(rng, radius), motion)


def add_subject(rng: np.random.Generator, clip: FloatClip) -> None:
    """Paste a body with up to five swinging limbs into the clip [frames, height, width, 3], in place.

    The body stays near the middle of the frame.
    """
    frames, height, width = clip.shape[:3]
    radius = rng.uniform(0.07, 0.22) * height
    shadow = draw_shadow(rng, radius)
    body = Motion(
        x=width * (rng.uniform(0.25, 0.75) + oscillation(rng, frames, rng.uniform(0, 0.2), (25, 90))),
        y=height * (rng.uniform(0.3, 0.7) + oscillation(rng, frames, rng.uniform(0, 0.12), (12, 70))),
        scale=np.exp(oscillation(rng, frames, rng.uniform(0, 0.2), (20, 90))),
        angle=oscillation(rng, frames, rng.uniform(0, 0.4), (15, 60)) + rng.uniform(0, 2 * np.pi),
        shadow=shadow,
        darkness=rng.uniform(0.2, 0.6) * (rng.random() < 0.4),
    )
    limbs = [swinging_limb(rng, body, radius) for _ in range(int(rng.integers(0, 6)))]
    for part_radius, motion in [*limbs[::2], (radius, body), *limbs[1::2]]:
        paste(clip, draw_sprite(rng, part_radius), motion)


def swinging_limb(rng: np.random.Generator, body: Motion, radius: float) -> tuple[float, Motion]:
    """A limb that swings about a joint on the rim of a body of `radius` pixels: (the limb's radius, its motion)."""
    frames = len(body.x)
    joint, length = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.3, 0.8)
    bend = oscillation(rng, frames, rng.uniform(0.1, 1.2), (7, 40))
    at, to = body.angle + joint, body.angle + joint + bend
    return length, dataclasses.replace(
        body,
        x=body.x + body.scale * (radius * np.cos(at) + length * np.cos(to)),
        y=body.y + body.scale * (radius * np.sin(at) + length * np.sin(to)),
        angle=to,
    )
