"""results/evaluation/<method>/examples/<sequence>/{raw,composited}/: a method's output frames for a few sequences.

raw: the method's own frames; composited: with the input outside the hole; numbered PNGs. Written by `inpaint evaluate`,
shown by the report. examples.tsv beside the folder holds a digest of each sequence's folder: Snakemake compares this
table, as it can't compare folders.
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
    """The folder of a method's examples below the folder of all evaluations."""
    return evaluation / method / "examples"


def write_digests(folder: Path) -> None:
    """Write <folder>.tsv: the sequences of a folder of examples, with a digest of each one's folder."""
    import pandas as pd

    digests = {name: folder_digest(folder / name) for name in sorted(kept_sequences(folder))}
    write_table(folder.with_suffix(".tsv"), pd.DataFrame({"sequence": digests.keys(), "digest": digests.values()}))


def kept_sequences(examples: Path) -> set[str]:
    """Ids of the sequences among a method's examples."""
    return {path.name for path in examples.glob("[!.]*")}


def write_example(folder: Path, outputs: Mapping[Output, NDArray[np.uint8]]) -> None:
    """Write a sequence's frames by output, uint8 [frames, height, width, 3], into its existing folder."""
    for output, frames in outputs.items():
        (folder / output).mkdir()
        write_images(folder / output, frames)


def count_frames(folder: Path) -> int:
    """Number of frames of an example."""
    return len(list((folder / RAW).glob("frame_*.png")))


def read_example(folder: Path, output: Output, count: int) -> NDArray[np.uint8]:
    """Read a sequence's first `count` frames: uint8 [frames, height, width, 3]; raises InputError if one is damaged."""
    with reading(folder / output, WANTED):
        return read_images(folder / output, 0, count, "RGB")
