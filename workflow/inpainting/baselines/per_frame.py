"""Fills that treat each frame independently: grey, or an interpolation of the known pixels around the hole.

Arguments and results are those of `Baseline.fill`.
"""

import cv2
import numpy as np

from inpainting.artifacts.method_kinds import FLOOR
from inpainting.baselines.baseline import Baseline
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

GREY_LEVEL = 128
"""Grey level of the hole in `masked_input`, 0..255."""

RADIUS = 8
"""Radius in pixels of the neighbourhood of Telea and Navier-Stokes; the usual 3 scored 0.2 to 0.7 dB PSNR less here."""


def masked_input(rgb: Frames, hole: Hole) -> Frames:
    """Grey in the hole: the lower bound for all methods.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    """
    return np.where(hole[..., None], np.uint8(GREY_LEVEL), rgb)


def black(rgb: Frames, hole: Hole) -> Frames:
    """Black in the hole, -1 in the VAE's range; what bases that are trained to inpaint get.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    """
    return np.where(hole[..., None], np.uint8(0), rgb)


def telea(rgb: Frames, hole: Hole) -> Frames:
    """Fast marching from the hole's edge inwards, per frame; a frame that is all hole becomes grey.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].

    A. Telea: An image inpainting technique based on the fast marching method, Journal of Graphics Tools 9(1), 2004.
    """
    return _per_frame(rgb, hole, cv2.INPAINT_TELEA)


def navier_stokes(rgb: Frames, hole: Hole) -> Frames:
    """Isophotes (lines of equal brightness) continued into the hole, per frame; a frame that is all hole becomes grey.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].

    M. Bertalmio, A. L. Bertozzi, G. Sapiro: Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001.
    """
    return _per_frame(rgb, hole, cv2.INPAINT_NS)


def biharmonic(rgb: Frames, hole: Hole) -> Frames:
    """Solution of the biharmonic equation in the hole, per frame; a frame that is all hole becomes grey.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].

    S. B. Damelin, N. S. Hoang: On surface completion and image inpainting by biharmonic functions, 2018. A frame of
    640x480 takes seconds: the linear system has one unknown per hole pixel.
    """
    from skimage.restoration import inpaint_biharmonic

    filled = masked_input(rgb, hole)
    for frame, frame_hole in enumerate(hole):
        if frame_hole.any() and not frame_hole.all():
            solved = inpaint_biharmonic(filled[frame], frame_hole, split_into_regions=True, channel_axis=-1)
            filled[frame] = np.rint(255 * solved.clip(0, 1))
    return np.where(hole[..., None], filled, rgb)


def _per_frame(rgb: Frames, hole: Hole, algorithm: int) -> Frames:
    """cv2.inpaint on each frame; the hole is set to grey first, so that none of its pixels is used."""
    masked = masked_input(rgb, hole)
    filled = [
        cv2.inpaint(frame, frame_hole.astype(np.uint8), RADIUS, algorithm) if frame_hole.any() else frame
        for frame, frame_hole in zip(masked, hole, strict=True)
    ]
    return np.where(hole[..., None], np.stack(filled), rgb)


MASKED_INPUT = Baseline(
    "masked_input", masked_input, "grey in the hole", kind=FLOOR, condition="grey", frame_by_frame=True
)
BLACK = Baseline("black", black, "black in the hole", kind=FLOOR, condition="black", frame_by_frame=True)
TELEA = Baseline(
    "telea",
    telea,
    "each frame alone, fast marching from the hole's edge (Telea 2004)",
    condition="telea",
    frame_by_frame=True,
)
NAVIER_STOKES = Baseline(
    "navier_stokes",
    navier_stokes,
    "each frame alone, isophotes carried inwards (Bertalmio et al. 2001)",
    frame_by_frame=True,
)
BIHARMONIC = Baseline(
    "biharmonic",
    biharmonic,
    "each frame alone, the smoothest surface (Damelin, Hoang 2018)",
    frame_by_frame=True,
    compared=False,  # seconds for a frame of 640x480
)
