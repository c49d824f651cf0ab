"""Pictures of what was validated: results/validation/<experiment>/step-N.items/steps-K/<sequence>/picture.png.

N: updates of the checkpoint; K: denoising steps. Each shows the square around the hole in the frame where it is
largest: the truth and, right of it, the raw output. Written by `inpaint validate` beside a sequence's cached scores,
shown by the report.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inpainting.artifacts.formats import reading
from inpainting.core.files import atomic_path

PICTURE_FILE = "picture.png"


def cache_folder(scores: Path) -> Path:
    """The folder of a checkpoint's cached scores and pictures; scores: its step-N.json."""
    return scores.with_suffix(".items")


def steps_folder(cache: Path, sampling_steps: int) -> Path:
    """The folder of one number of denoising steps below a checkpoint's `cache_folder`: a folder per sequence."""
    return cache / f"steps-{sampling_steps}"


def write_picture(folder: Path, truth: NDArray[np.uint8], output: NDArray[np.uint8]) -> None:
    """Write a sequence's picture atomically into its folder; truth, output: uint8 [side, side, 3]."""
    with atomic_path(folder / PICTURE_FILE) as path:
        Image.fromarray(np.concatenate([truth, output], axis=1)).save(path)


def read_pictures(folder: Path) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Truth and output, uint8 [side, side, 3], by sequence; folder: `steps_folder`.

    Sequences without a hole, or that an older version validated, have none. Raises InputError for a damaged picture.
    """
    pictures = {}
    for path in sorted(folder.glob(f"[!.]*/{PICTURE_FILE}")):
        with reading(path, "a picture of `inpaint validate`"), Image.open(path) as image:
            truth, output = np.split(np.asarray(image.convert("RGB")), 2, axis=1)
        pictures[path.parent.name] = truth, output
    return pictures
