"""Cache of the scores of single sequences, so that an evaluation scores only new and changed sequences.

The cache is beside `<method>.parquet`, as `<method>.items/<sequence>/scores.parquet` (see `core.item_cache`). Frames of
example sequences are cached in the examples folder (see `artifacts.examples`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.examples import Output, write_digests, write_example
from inpainting.core.files import read_table, write_table
from inpainting.core.item_cache import ItemCache


@dataclass(frozen=True)
class ScoreCache:
    """Cached scores of all sequences and, if examples are wanted, cached frames of some."""

    scores: ItemCache
    examples: ItemCache | None

    def missing(self) -> list[str]:
        """Ids of the sequences whose scores or example frames are not cached."""
        missing = {*self.scores.missing(), *(self.examples.missing() if self.examples else ())}
        return [name for name in self.scores.keys if name in missing]

    def write(self, sequence: str, scores: pd.DataFrame, outputs: Mapping[Output, NDArray[np.uint8]]) -> None:
        """Cache a sequence's scores and, if it is an example, its frames.

        outputs: uint8 [frames, height, width, 3] by output.
        """
        if self.examples and sequence in self.examples.keys:
            with self.examples.adding(sequence) as folder:
                write_example(folder, outputs)
        with self.scores.adding(sequence) as folder:
            write_table(folder / "scores.parquet", scores)

    def table(self) -> pd.DataFrame:
        """The scores of all sequences, in the order of the keys."""
        tables = [read_table(self.scores.path(name) / "scores.parquet") for name in self.scores.keys]
        return pd.concat(tables, ignore_index=True)

    def finish_examples(self) -> None:
        """Delete the frames of sequences that are no longer examples, and write the table of those that are."""
        if self.examples:
            self.examples.remove_others()
            write_digests(self.examples.folder)
