"""Frames that another tool made of the same sequences, scored by the same code."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.core.files import file_digest, folder_digest
from inpainting.core.settings import existing
from inpainting.video.clip import SequenceClip
from inpainting.video.reader import image_files, read_video
from inpainting.video.sequence import RGB

VIDEOS = (".mkv", ".mp4", ".avi", ".mov", ".webm")


def read_output(outputs: Path, dataset: Path, clip: SequenceClip) -> NDArray[np.uint8]:
    """The frames that lie under a sequence's id in `outputs`: uint8 [frames, height, width, 3].

    They may be a folder of images, in the order of the numbers in their names, or a video. Raises InputError where they
    are absent or do not fit: of another size, or neither as many as are scored nor as many as the sequence has.
    """
    place = _place(outputs, clip.sequence)
    footage = read_video(place)
    wanted, found = len(clip.rgb), len(footage.frames)
    if footage.size != clip.size:
        raise InputError(
            f"{place} holds frames of {footage.size[0]}x{footage.size[1]}, but the sequence's are "
            f"{clip.size[0]}x{clip.size[1]}; nothing is scaled here, since that would change the scores"
        )
    whole = len(image_files(dataset / clip.sequence / RGB))
    if found not in (wanted, whole):
        raise InputError(
            f"{place} holds {found} frames, but the sequence has {whole}, of which {wanted} are scored; give all of "
            "these or all of those"
        )
    return footage.frames[:wanted]


def output_digests(outputs: Path, sequences: Iterable[str]) -> dict[str, str]:
    """Digests of the outputs of some sequences; raises InputError where one is absent."""
    existing(outputs, "--outputs", "a folder of another tool's frames")
    places = {name: _place(outputs, name) for name in sequences}
    return {name: folder_digest(place) if place.is_dir() else file_digest(place) for name, place in places.items()}


def _place(outputs: Path, sequence: str) -> Path:
    """Where the output of a sequence lies."""
    places = [outputs / sequence, *(outputs / f"{sequence}{suffix}" for suffix in VIDEOS)]
    place = next((path for path in places if path.exists()), None)
    if place is None:
        raise InputError(
            f"{outputs} has no output of the sequence {sequence}; put its frames into a folder of that name, or a "
            f"video called {sequence}.mkv"
        )
    return place
