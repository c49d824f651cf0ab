"""Small clips with masks and truths, as files."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.video import writer
from inpainting.video.reader import Video
from numpy.typing import NDArray
from PIL import Image

FRAMES, WIDTH, HEIGHT = 12, 40, 32

Import = Callable[..., int]


def scene(seed: int = 0, frames: int = FRAMES, size: tuple[int, int] = (WIDTH, HEIGHT)) -> NDArray[np.uint8]:
    """Noise, uint8 [frames, height, width, 3], another one for each seed; frame k of a seed is always the same."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (frames, size[1], size[0], 3), dtype=np.uint8)


def box(frames: int = FRAMES, size: tuple[int, int] = (WIDTH, HEIGHT)) -> NDArray[np.uint8]:
    """A mask of a box that moves to the right: 255 in it, uint8 [frames, height, width]."""
    mask = np.zeros((frames, size[1], size[0]), np.uint8)
    for number in range(frames):
        mask[number, 8:20, 4 + number : 16 + number] = 255
    return mask


def write_video(path: Path, frames: NDArray[np.uint8], rate: int = 24) -> Path:
    """A lossless .mkv, or .mp4, of uint8 [frames, height, width] or [frames, height, width, 3]."""
    colours = frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, axis=-1)
    writer.write_video(path, Video(colours, Fraction(rate)))
    return path


def write_folder(folder: Path, frames: NDArray[np.uint8], first: int = 0) -> Path:
    """Frames as 00000.png, 00001.png, ..."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=first):
        Image.fromarray(frame).save(folder / f"{number:05d}.png")
    return folder


def table(dataset: Path) -> pd.DataFrame:
    return pd.read_csv(dataset / "import.tsv", sep="\t", dtype=str, keep_default_na=False)


def reason(dataset: Path, clip: str) -> str:
    rows = table(dataset)
    return str(rows["reason"][rows["clip"] == clip].iloc[-1])


def contents(dataset: Path) -> dict[str, bytes]:
    """Bytes of all files but the import state, by name."""
    files = [path for path in dataset.rglob("*") if path.is_file() and ".import" not in path.parts]
    return {str(path.relative_to(dataset)): path.read_bytes() for path in files}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """videos/{one.mkv,two/}, masks/{one_mask.mkv,two.png} and truths/{one.mkv,two/}."""
    write_video(tmp_path / "videos" / "one.mkv", scene(1))
    write_folder(tmp_path / "videos" / "two", scene(2))
    write_video(tmp_path / "masks" / "one_mask.mkv", box())
    Image.fromarray(box()[0]).save(tmp_path / "masks" / "two.png")
    write_video(tmp_path / "truths" / "one.mkv", scene(3))
    write_folder(tmp_path / "truths" / "two", scene(4))
    return tmp_path


def given(clips: Path) -> list[str | Path]:
    return ["--videos", clips / "videos", "--masks", clips / "masks", "--truths", clips / "truths"]


@pytest.fixture
def run(tmp_path: Path) -> Import:
    """Run `inpaint import ... --out dataset`; returns the exit code."""

    def command(*options: str | Path) -> int:
        return main(commands.import_clips(tmp_path / "dataset", *options))

    return command
