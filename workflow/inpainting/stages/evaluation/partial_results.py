"""Finished sequences of an evaluation under way, so that one that was killed goes on where it was.

Beside `method.parquet` lies `method.parts/<digest>/<sequence>/` with scores.parquet and, for examples, raw/ and
composited/. Each appears complete. The digest is of all that shapes the scores; all goes when the results are written.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.examples import Output, write_example
from inpainting.artifacts.scores import SCORES
from inpainting.core.files import atomic_path

SCORES_FILE = "scores.parquet"


class Parts:
    """The parts of one results file."""

    def __init__(self, results: Path, digest: str) -> None:
        self.room = results.with_suffix(".parts")
        self.folder = self.room / digest

    def has(self, sequence: str) -> bool:
        """Whether a sequence is finished."""
        return (self.folder / sequence).is_dir()

    def write(self, sequence: str, scores: pd.DataFrame, examples: Mapping[Output, NDArray[np.uint8]]) -> None:
        """Keep a sequence's scores and, by output, the frames to show of it."""
        with atomic_path(self.folder / sequence) as temporary:
            temporary.mkdir()
            SCORES.write(temporary / SCORES_FILE, scores)
            write_example(temporary, examples)

    def scores(self, sequences: list[str]) -> pd.DataFrame:
        """The scores of finished sequences, in their order."""
        tables = [SCORES.read(self.folder / name / SCORES_FILE) for name in sequences]
        return pd.concat(tables, ignore_index=True)

    def copy_examples(self, sequences: list[str], out: Path) -> None:
        """Copy the frames that were kept of some sequences to `out`, in place of what is there."""
        with atomic_path(out) as temporary:
            temporary.mkdir()
            for name in sequences:
                shutil.copytree(self.folder / name, temporary / name, ignore=shutil.ignore_patterns(SCORES_FILE))

    def remove(self) -> None:
        """Remove the parts, and those that evaluations with other settings left."""
        shutil.rmtree(self.room, ignore_errors=True)
