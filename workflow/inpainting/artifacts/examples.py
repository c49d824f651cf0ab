"""results/evaluation/<method>/examples/<sequence>/{raw,composited}/: a method's frames of a few sequences.

raw holds the method's own frames, composited those with the input outside the hole, as numbered PNGs. Written by
`inpaint evaluate`, shown by the report. Beside the folder lies examples.tsv, with a digest of each sequence's folder:
the workflow compares this table, since it can't compare folders.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.formats import reading
from inpainting.core.files import folder_digest, write_table
from inpainting.video.sequence import read_images, write_images

Output = Literal["raw", "composited"]
RAW: Final = "raw"
COMPOSITED: Final = "composited"

WANTED = "the frames of `inpaint evaluate --examples-out`"


def examples_folder(evaluation: Path, method: str) -> Path:
    """Where a method's examples lie below the folder of all evaluations."""
    return evaluation / method / "examples"


def write_digests(folder: Path) -> None:
    """Write <folder>.tsv: the sequences of a folder of examples, with digests of what lies in each one's own folder."""
    import pandas as pd

    digests = {name: folder_digest(folder / name) for name in sorted(kept_sequences(folder))}
    write_table(folder.with_suffix(".tsv"), pd.DataFrame({"sequence": digests.keys(), "digest": digests.values()}))


def kept_sequences(examples: Path) -> set[str]:
    """Ids of the sequences that a method's examples are of."""
    return {path.name for path in examples.glob("[!.]*")}


def write_example(folder: Path, outputs: Mapping[Output, NDArray[np.uint8]]) -> None:
    """Write a sequence's frames, uint8 [frames, height, width, 3], by output, into its folder, which is there."""
    for output, frames in outputs.items():
        (folder / output).mkdir()
        write_images(folder / output, frames)


def count_frames(folder: Path) -> int:
    """How many frames of a sequence were kept."""
    return len(list((folder / RAW).glob("frame_*.png")))


def read_example(folder: Path, output: Output, count: int) -> NDArray[np.uint8]:
    """A sequence's first `count` frames: uint8 [frames, height, width, 3]; raises InputError for damaged ones."""
    with reading(folder / output, WANTED):
        return read_images(folder / output, 0, count, "RGB")
