"""The sequences that methods are scored on: which they are, and their frames."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.errors import InputError
from inpainting.evaluation.settings import EvaluateCommand
from inpainting.files import read_table
from inpainting.settings import existing
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


def choose_sequences(settings: EvaluateCommand) -> dict[str, int]:
    """The ids of the split's sequences, sorted, with the number of frames to score.

    Raises InputError where the split has no sequence or names one that the manifest did not accept.
    """
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    manifest = read_table(existing(settings.manifest, "--manifest", "the manifest.parquet of `inpaint audit`"))
    names = sorted(split.loc[split["split"] == settings.split, "id"])[: settings.limit]
    if not names:
        raise InputError(f"{settings.split_file} has no sequence in the split {settings.split!r}; more data is needed")
    frames = manifest[manifest["verdict"] == "accepted"].set_index("id")["frames"]
    unknown = [name for name in names if name not in frames.index]
    if unknown:
        raise InputError(
            f"{settings.split_file} names {unknown[0]}, which {settings.manifest} does not accept; split again"
        )
    return {name: min(int(frames[name]), settings.frames) for name in names}


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
