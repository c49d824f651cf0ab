"""What an evaluation keeps of each sequence, so that it scores only those that are new to it or changed.

Beside `method.parquet` lies `method.items/<sequence>/scores.parquet`; the frames of the examples lie in the folder that
is asked for, see `artifacts.examples`. How they are kept: see `core.item_cache`.
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
class ScoredSequences:
    """The scores of sequences, and the frames of some of them, where examples are wanted."""

    scores: ItemCache
    examples: ItemCache | None

    def missing(self) -> list[str]:
        """The sequences that are still to be scored, or to be shown."""
        missing = {*self.scores.missing(), *(self.examples.missing() if self.examples else ())}
        return [name for name in self.scores.keys if name in missing]

    def write(self, sequence: str, scores: pd.DataFrame, outputs: Mapping[Output, NDArray[np.uint8]]) -> None:
        """Keep a sequence's scores and, if it is an example, its frames by output."""
        if self.examples and sequence in self.examples.keys:
            with self.examples.adding(sequence) as folder:
                write_example(folder, outputs)
        with self.scores.adding(sequence) as folder:
            write_table(folder / "scores.parquet", scores)

    def table(self) -> pd.DataFrame:
        """The scores of all sequences, in their order."""
        tables = [read_table(self.scores.path(name) / "scores.parquet") for name in self.scores.keys]
        return pd.concat(tables, ignore_index=True)

    def tidy_examples(self) -> None:
        """Remove the frames of sequences that are no examples any more, and write the table of those that are."""
        if self.examples:
            self.examples.remove_others()
            write_digests(self.examples.folder)
