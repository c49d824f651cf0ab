"""A small clip with its mask as files, `inpaint run` on them, and a pipeline of the tiny base."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import commands
import numpy as np
import pytest
import torch
from inpainting.cli import main
from inpainting.models import loading
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.video import masks, writer
from inpainting.video.reader import Video
from numpy.typing import NDArray
from PIL import Image

FRAMES, WIDTH, HEIGHT = 20, 40, 36

Run = Callable[..., int]


def picture_frames(frames: int = FRAMES) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=np.uint8)


def hole() -> NDArray[np.bool_]:
    """The mask of these tests, dilated by 2 pixels: bool [height, width]."""
    return masks.dilate(still_mask()[None] > 0, 2)[0]


def still_mask() -> NDArray[np.uint8]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 12:26] = 255
    return mask


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A lossless video of 20 frames at 25 per second."""
    path = tmp_path / "clip.mkv"
    writer.write_video(path, Video(picture_frames(), Fraction(25)))
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """One image that is white where to inpaint."""
    path = tmp_path / "mask.png"
    Image.fromarray(still_mask()).save(path)
    return path


@pytest.fixture
def run(tiny_base: Path) -> Run:
    """Run `inpaint run` with the tiny model, 2 steps and windows of 9 frames; returns the exit code."""

    def command(input: Path, mask: Path | None, output: Path, *options: str) -> int:
        return main(commands.run(tiny_base, output, *options, input=input, mask=mask, window=9, steps=2))

    return command


Pixels = NDArray[np.uint8]

SIZE, STEPS = 32, 2

NOISE = (1, 3, 16, 4, 4)
"""The shape of the latents of `inputs`."""

Make = Callable[[], CogVideoXInpaintPipeline]


@pytest.fixture
def adapter(tiny_training: Path) -> Path:
    """The adapter of the tiny training's last checkpoint."""
    return tiny_training / "checkpoints" / "step-4" / "adapter"


@pytest.fixture
def make(tiny_base: Path) -> Make:
    """Make a new pipeline of the tiny base."""

    def make() -> CogVideoXInpaintPipeline:
        cpu = torch.device("cpu")
        vae = loading.load_vae(str(tiny_base), torch.float32, cpu)
        transformer = loading.load_transformer(str(tiny_base), torch.float32, cpu)
        pipeline = CogVideoXInpaintPipeline(None, None, vae, transformer, loading.load_scheduler(str(tiny_base)))
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    return make


@pytest.fixture
def pipeline(make: Make, adapter: Path, tiny_base: Path) -> CogVideoXInpaintPipeline:
    """The pipeline with the tiny adapter."""
    return make().load_adapter(adapter, str(tiny_base))


def inputs(**options: Any) -> dict[str, Any]:
    """Arguments of a call: nine frames of noise with a box to inpaint, two steps, a seed."""
    video = np.random.default_rng(0).integers(0, 256, (9, SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.zeros(video.shape[:3], bool)
    mask[:, 8:20, 6:18] = True
    generator = torch.Generator().manual_seed(0)
    return {"video": video, "mask": mask, "num_inference_steps": STEPS, "generator": generator} | options


def frames(pipeline: CogVideoXInpaintPipeline, **options: Any) -> Pixels:
    """The frames of a call."""
    made: Pixels = pipeline(**inputs(**options)).frames
    return made
