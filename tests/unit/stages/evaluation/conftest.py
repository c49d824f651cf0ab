from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.artifacts.manifest import write_manifest
from inpainting.artifacts.record import NO_CONTENT, Soundness, make_record
from inpainting.artifacts.scores import read_results
from inpainting.artifacts.split import SPLIT_TABLE
from inpainting.cli import main
from inpainting.metrics.cost import COST
from inpainting.video.sequence import write_sequence
from numpy.typing import NDArray

FRAMES, HEIGHT, WIDTH = 5, 24, 32

Scene = Callable[..., tuple[NDArray[np.uint8], ...]]
Untimed = Callable[[Path], pd.DataFrame]


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk, of test sequences `a`, `b`, `c` (camera moving, still, moving) and a training sequence `d`."""

    root: Path

    @property
    def sequences(self) -> Path:
        return self.root / "sequences"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.parquet"

    @property
    def split(self) -> Path:
        return self.root / "split.tsv"

    def evaluate(self, method: str, out: Path, *options: str) -> int:
        return main(self.command(method, out, *options))

    def command(self, method: str, out: Path, *options: str) -> list[str]:
        files = {"dataset": self.sequences, "manifest": self.manifest, "split_file": self.split, "out": out}
        extras = () if "--extras" in options else ("--extras", "motion")  # given twice, lists are joined
        return [*commands.command("evaluate", method=method, workers=1, **files), *extras, *options]

    def tables(self, results: list[Path], out: Path, *options: str) -> int:
        return main(commands.tables(results, self.manifest, out, *options))


def scene(seed: int, frames: int = FRAMES, still: bool = False) -> tuple[NDArray[np.uint8], ...]:
    """(rgb, mask, truth) of smooth stripes that drift, and a dark square that crosses them."""
    time, row, column = np.indices((frames, HEIGHT, WIDTH))
    phase = np.zeros_like(time) if still else time
    truth = np.stack([128 + 100 * np.sin((column + phase * (c + 1) + row * seed) / 5) for c in range(3)], axis=-1)
    mask = np.zeros((frames, HEIGHT, WIDTH), np.uint8)
    for frame in range(frames):
        mask[frame, 6:14, 3 + 4 * frame : 11 + 4 * frame] = 255
    clip = truth.round().astype(np.uint8)
    return np.where(mask[..., None] > 0, np.uint8(10), clip), mask, clip


def make_dataset(root: Path) -> Dataset:
    dataset = Dataset(root)
    for seed, name in enumerate("abcd", start=1):
        write_sequence(dataset.sequences / name, *scene(seed, still=name == "b"))
    measures = {"a": (0.05, 1.0, 0.1), "b": (0.12, 0.0, 0.0), "c": (0.3, 1.0, 0.0), "d": (0.1, 1.0, 0.0)}
    records = [
        make_record(
            name,
            Soundness(FRAMES, WIDTH, HEIGHT, digest=name, findings=[]),
            replace(NO_CONTENT, coverage=[coverage], camera_motion=motion, effect_share=effect),
        )
        for name, (coverage, motion, effect) in measures.items()
    ]
    write_manifest(dataset.manifest, records, {})
    split = {"id": list("cabd"), "group": list("cabd"), "split": ["test", "test", "test", "train"]}
    SPLIT_TABLE.write(dataset.split, pd.DataFrame(split))
    return dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make_dataset(tmp_path)


@dataclass(frozen=True)
class Evaluated:
    """A dataset, and the results of some methods on it."""

    dataset: Dataset
    results: dict[str, Path]


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    dataset = make_dataset(tmp_path_factory.mktemp("evaluated"))
    results = {}
    for method in ("masked_input", "telea", "temporal_median"):
        results[method] = dataset.root / f"{method}.parquet"
        examples = str(dataset.root / "examples" / method)
        assert dataset.evaluate(method, results[method], "--examples", "2", "--examples-out", examples) == 0
    return Evaluated(dataset, results)


@pytest.fixture
def make_scene() -> Scene:
    return scene


@pytest.fixture
def untimed() -> Untimed:
    """Reads results without the columns of time and memory, which differ from run to run."""
    return lambda path: read_results(path).frames.drop(columns=list(COST.columns))
