"""The sequences that methods are scored on: which they are, and their frames."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.core.files import read_table
from inpainting.core.settings import existing
from inpainting.video import sequence


@dataclass(frozen=True)
class Clip:
    """The frames of a sequence that are scored.

    rgb, truth: uint8 [frames, height, width, 3]; mask as stored: uint8 [frames, height, width].
    """

    sequence: str
    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.rgb.shape[2], self.rgb.shape[1]


def choose_sequences(
    dataset: Path, split_file: Path, manifest_file: Path, split: str, frames: int, limit: int | None
) -> dict[str, int]:
    """The ids of a split's sequences, sorted, at most `limit`, with the number of frames to score, at most `frames`.

    The split "all" is every sequence of the table. Raises InputError where the split has no sequence or names one that
    the manifest did not accept.
    """
    existing(dataset, "--dataset", "the folder of the sequences")
    table = read_table(existing(split_file, "--split-file", "the split.tsv of `inpaint split`"))
    manifest = read_table(existing(manifest_file, "--manifest", "the manifest.parquet of `inpaint audit`"))
    chosen = table if split == "all" else table[table["split"] == split]
    names = sorted(chosen["id"])[:limit]
    if not names:
        raise InputError(f"{split_file} has no sequence in the split {split!r}; more data is needed")
    found = manifest[manifest["verdict"] == "accepted"].set_index("id")["frames"]
    unknown = [name for name in names if name not in found.index]
    if unknown:
        raise InputError(f"{split_file} names {unknown[0]}, which {manifest_file} does not accept; split again")
    return {name: min(int(found[name]), frames) for name in names}


def sequence_digests(manifest_file: Path, sequences: Iterable[str]) -> dict[str, str]:
    """The digest of each sequence's frames, as the audit found them; the sequences are in the manifest."""
    digests = read_table(manifest_file).set_index("id")["digest"]
    return {name: str(digests[name]) for name in sequences}


def read_clip(dataset: Path, name: str, frames: int) -> Clip:
    """The first `frames` frames of a sequence; raises InputError naming it where they can't be read or don't agree."""
    folder = dataset / name
    try:
        rgb, truth = sequence.read_rgb(folder, 0, frames), sequence.read_truth(folder, 0, frames)
        mask = sequence.read_mask(folder, 0, frames)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"sequence {name}: its frames can't be read ({error}); audit the dataset again") from error
    if rgb.shape != truth.shape or rgb.shape[:3] != mask.shape:
        raise InputError(
            f"sequence {name}: input {rgb.shape}, truth {truth.shape} and mask {mask.shape} differ in size; "
            "audit the dataset again"
        )
    return Clip(name, rgb, mask, truth)
