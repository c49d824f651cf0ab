"""Clips on disk for what inpaints them in memory as well."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from inpainting.sampling.conditioned_clip import Clip
from inpainting.video import writer
from inpainting.video.masks import Hole
from inpainting.video.reader import Footage


@pytest.fixture
def write_clip(tmp_path: Path) -> Callable[[Clip, Hole], list[str]]:
    """Writes a clip and its hole, lossless; the options of `inpaint run` that name them."""

    def write(rgb: Clip, hole: Hole) -> list[str]:
        clip, mask = tmp_path / "clip.mkv", tmp_path / "mask.mkv"
        writer.write_footage(clip, Footage(rgb, Fraction(25)))
        writer.write_footage(mask, Footage(np.repeat(255 * hole[..., None].astype(np.uint8), 3, 3), Fraction(25)))
        return ["--input", str(clip), "--mask", str(mask)]

    return write
