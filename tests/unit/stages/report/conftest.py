from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import commands
import numpy as np
import pytest
from inpainting.cli import main
from inpainting.video.sequence import write_sequence

FRAMES, HEIGHT, WIDTH = 6, 24, 32
REJECTED = ("<b>bold<-b>", "gap")


@dataclass(frozen=True)
class Results:
    """Small but real results of audit, split, evaluate and tables."""

    root: Path
    frames: int = FRAMES

    @property
    def dataset(self) -> Path:
        return self.root / "sequences"

    @property
    def audit(self) -> Path:
        return self.root / "dataset"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    def draw_dataset(self, out: Path) -> int:
        files = {
            "dataset": self.dataset,
            "manifest": self.audit / "manifest.parquet",
            "rejected": self.audit / "rejected.tsv",
            "warnings": self.audit / "warnings.tsv",
            "summary": self.audit / "summary.json",
            "split_file": self.audit / "split.tsv",
            "out": out,
            "page": out / "dataset.html",
        }
        return run("draw-dataset", files, "--samples", "3")

    def draw_examples(self, out: Path, *more: str) -> int:
        files = {
            "dataset": self.dataset,
            "comparison": self.tables / "comparison.tsv",
            "sequences": self.tables / "sequences.tsv",
            "evaluation": self.evaluation,
            "out": out,
        }
        return run("draw-examples", files, "--moments", "3", *more)

    def draw_comparison(self, out: Path) -> int:
        files = {
            "comparison": self.tables / "comparison.tsv",
            "strata": self.tables / "strata.tsv",
            "png": out / "comparison.png",
            "svg": out / "comparison.svg",
            "strata_png": out / "strata.png",
            "strata_svg": out / "strata.svg",
            "cost_png": out / "cost.png",
            "cost_svg": out / "cost.svg",
        }
        return run("draw-comparison", files)

    def draw_sequences(self, out: Path, examples: Path) -> int:
        files = {
            "comparison": self.tables / "comparison.tsv",
            "sequences": self.tables / "sequences.tsv",
            "manifest": self.audit / "manifest.parquet",
            "examples": examples,
            "png": out / "sequences.png",
            "svg": out / "sequences.svg",
            "difficulty_png": out / "difficulty.png",
            "difficulty_svg": out / "difficulty.svg",
            "page": out / "sequences.html",
        }
        return run("draw-sequences", files)


def run(command: str, files: dict[str, Path], *more: str) -> int:
    """The exit code of a command whose options are mostly files."""
    return main([*commands.command(command, **files), *more])


def write_scene(folder: Path, seed: int) -> None:
    """A drifting pattern, and a dark square that crosses it and is to be removed."""
    time, row, column = np.indices((FRAMES, HEIGHT, WIDTH))
    truth = np.stack([128 + 100 * np.sin((column + time * (c + 1) + row * seed) / 5) for c in range(3)], axis=-1)
    clip = truth.round().astype(np.uint8)
    side = 6 + seed % 5
    mask = np.where((column >= 3 + 3 * time) & (column < 3 + 3 * time + side) & (row >= 6) & (row < 6 + side), 255, 0)
    rgb = np.where(mask[..., None] > 0, np.uint8(10), clip)
    write_sequence(folder, rgb, mask.astype(np.uint8), clip)


@pytest.fixture(scope="session")
def draw() -> Callable[..., int]:
    """Runs a command (name, files by the names of its settings, further options) and returns the exit code."""
    return run


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Ten sequences, two of them rejected for a frame that is missing, split, and scored by two classical methods."""
    found = Results(tmp_path_factory.mktemp("results"))
    for number in range(8):
        write_scene(found.dataset / f"{number:016x}", number)
    for name in REJECTED:
        folder = found.dataset / name
        write_scene(folder, 3)
        (folder / "GT_480" / "frame_00003.png").unlink()
    manifest, split = found.audit / "manifest.parquet", found.audit / "split.tsv"
    scores = {method: found.evaluation / f"{method}.parquet" for method in ("telea", "temporal_median", "masked_input")}
    files = {"dataset": found.dataset, "manifest": manifest, "split_file": split}
    few = ["--frames", str(FRAMES), "--examples", "2", "--extras", "[]", "--workers", "1"]
    for command in (
        commands.audit(found.dataset, found.audit, "--frames", str(FRAMES)),
        commands.split(manifest, split, "--test-share", "0.4", "--validation-share", "0.2"),
        *(
            [
                *commands.command(
                    "evaluate", method=method, **files, out=out, examples_out=out.with_suffix("") / "examples"
                ),
                *few,
            ]
            for method, out in scores.items()
        ),
        commands.tables([scores["telea"], scores["temporal_median"]], manifest, found.tables),
    ):
        assert main(command) == 0, command
    return found
