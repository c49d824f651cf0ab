"""Another tool's outputs for the same sequences, which are scored by the same code."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import InputError
from inpainting.core.files import file_digest, folder_digest, value_digest
from inpainting.core.settings import existing
from inpainting.video.clip import SequenceClip
from inpainting.video.image_files import image_files
from inpainting.video.reader import FrameReader, read_video, refuse_other_numbers
from inpainting.video.sequence import Folders

VIDEOS = (".mkv", ".mp4", ".avi", ".mov", ".webm")


def read_output(outputs: Path, dataset: Path, clip: SequenceClip, folders: Folders) -> NDArray[np.uint8]:
    """The output for a sequence, uint8 [frames, height, width, 3], as many frames as `clip` has.

    outputs: folder that holds, named by the sequence's id, a folder of images (sorted by the numbers in their names) or
    a video. Raises InputError if the output is absent, has another frame size, or has neither as many frames as are
    scored nor as many as the sequence has; also if its images lack a number in between.
    """
    path = _output_path(outputs, clip.sequence)
    video = read_video(path)
    wanted, found = len(clip.rgb), len(video.frames)
    if video.size != clip.size:
        raise InputError(
            f"{path} has frames of {video.size[0]}x{video.size[1]}, but the sequence's are "
            f"{clip.size[0]}x{clip.size[1]}; scale them to that size (scaling here would change the scores)"
        )
    whole = len(image_files(dataset / clip.sequence / folders.rgb))
    if found not in (wanted, whole):
        raise InputError(
            f"{path} has {found} frames, but the sequence has {whole}, of which {wanted} are scored; give "
            + " or ".join(f"all {count}" for count in sorted({wanted, whole}))
        )
    rgb = FrameReader(dataset / clip.sequence, found, folders.rgb)
    refuse_other_numbers(rgb, FrameReader(path))
    return video.frames[:wanted]


def outputs_stamp(outputs: str) -> str:
    """A digest of the names, sizes and times of all files in a folder of outputs; opens none of them.

    A folder's own time is not that of the files in it, so Snakemake alone does not see that they were made again.
    """
    files = {file: file.stat() for file in Path(outputs).rglob("*") if file.is_file()}
    return value_digest(sorted([str(file), status.st_size, status.st_mtime_ns] for file, status in files.items()))


def output_digests(outputs: Path, sequences: Iterable[str]) -> dict[str, str]:
    """SHA-256 of each sequence's output, by sequence id.

    Raises UsageError if the folder does not exist, InputError if a sequence has no output.
    """
    existing(outputs, "--outputs", "a folder of another tool's frames")
    paths = {name: _output_path(outputs, name) for name in sequences}
    return {name: folder_digest(path) if path.is_dir() else file_digest(path) for name, path in paths.items()}


def _output_path(outputs: Path, sequence: str) -> Path:
    """The folder or video with the output for a sequence."""
    candidates = [outputs / sequence, *(outputs / f"{sequence}{suffix}" for suffix in VIDEOS)]
    path = next((path for path in candidates if path.exists()), None)
    if path is None:
        raise InputError(
            f"{outputs} has no output for the sequence {sequence}; put its frames into a folder of that name, or into "
            f"{sequence}.mkv"
        )
    return path
