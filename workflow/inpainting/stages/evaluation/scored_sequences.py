"""What an evaluation keeps of each sequence, so that it scores only those that are new to it or changed.

Beside `method.parquet` lies `method.items/<sequence>/scores.parquet`; the frames of the examples, by output, lie below
the folder that is asked for: <sequence>/raw and <sequence>/composited. See `core.item_cache`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.core.files import folder_digest, read_table, write_table
from inpainting.core.item_cache import ItemCache
from inpainting.video.sequence import write_images


@dataclass(frozen=True)
class ScoredSequences:
    """The scores of sequences, and the frames of some of them that are examples."""

    scores: ItemCache
    examples: ItemCache | None

    def missing(self) -> list[str]:
        """The sequences that are still to be scored, or to be shown."""
        missing = {*self.scores.missing(), *(self.examples.missing() if self.examples else ())}
        return [name for name in self.scores.keys if name in missing]

    def write(self, sequence: str, scores: pd.DataFrame, outputs: dict[str, NDArray[np.uint8]]) -> None:
        """Keep a sequence's scores and, if it is an example, its frames by output."""
        if self.examples and sequence in self.examples.keys:
            with self.examples.adding(sequence) as folder:
                for output, frames in outputs.items():
                    (folder / output).mkdir()
                    write_images(folder / output, frames)
        with self.scores.adding(sequence) as folder:
            write_table(folder / "scores.parquet", scores)

    def table(self) -> pd.DataFrame:
        """The scores of all sequences, in their order."""
        tables = [read_table(self.scores.path(name) / "scores.parquet") for name in self.scores.keys]
        return pd.concat(tables, ignore_index=True)

    def write_examples(self, path: Path) -> None:
        """Write which sequences are the examples, with digests of their frames; others' frames are removed."""
        assert self.examples is not None
        self.examples.remove_others()
        digests = {name: folder_digest(self.examples.path(name)) for name in self.examples.keys}
        write_table(path, pd.DataFrame({"sequence": digests.keys(), "digest": digests.values()}))
