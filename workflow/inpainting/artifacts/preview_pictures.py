"""Pictures of a training's previews, in results/training/<experiment>/tensorboard/, one per sequence and preview.

Each shows the middle frame of a validation sequence: input, mask, raw output and truth side by side. Logged by `inpaint
train`, to TensorBoard and W&B alike, and shown by the report.
"""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PREFIX = "preview/"
"""What the pictures' tags begin with; a sequence's id follows."""


class PreviewPicture(NamedTuple):
    """The images of a picture, uint8 [height, width, 3] each; the mask is white where the hole is."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    output: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    def side_by_side(self) -> NDArray[np.uint8]:
        """As it is logged: uint8 [height, 4 * width, 3]."""
        return np.concatenate(self, axis=1)

    @classmethod
    def taken_apart(cls, logged: NDArray[np.uint8]) -> "PreviewPicture":
        """From `side_by_side`."""
        return cls(*np.split(logged, len(cls._fields), axis=1))


def tag(sequence: str) -> str:
    """The tag of a sequence's pictures."""
    return PREFIX + sequence


def read_previews(folder: Path) -> dict[str, dict[int, PreviewPicture]]:
    """The pictures in a folder of TensorBoard's files, by sequence and step; none if there were no previews."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    return {
        name.removeprefix(PREFIX): {
            event.step: PreviewPicture.taken_apart(_decoded(event.encoded_image_string)) for event in board.Images(name)
        }
        for name in board.Tags()["images"]
        if name.startswith(PREFIX)
    }


def _decoded(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
