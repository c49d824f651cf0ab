"""Frames that another tool made of the same sequences, scored by the same code."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.video.clip import Clip
from inpainting.video.reader import image_files, read_footage
from inpainting.video.sequence import RGB

VIDEOS = (".mkv", ".mp4", ".avi", ".mov", ".webm")


def read_output(outputs: Path, dataset: Path, clip: Clip) -> NDArray[np.uint8]:
    """The frames that lie under a sequence's id in `outputs`: uint8 [frames, height, width, 3].

    They may be a folder of images, in the order of the numbers in their names, or a video. Raises InputError where they
    are absent or do not fit: of another size, or neither as many as are scored nor as many as the sequence has.
    """
    places = [outputs / clip.sequence, *(outputs / f"{clip.sequence}{suffix}" for suffix in VIDEOS)]
    place = next((path for path in places if path.exists()), None)
    if place is None:
        raise InputError(
            f"{outputs} has no output of the sequence {clip.sequence}; put its frames into a folder of that name, or a "
            f"video called {clip.sequence}.mkv"
        )
    footage = read_footage(place)
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
