"""Room for what a clip needs at length: files that the operating system keeps in memory as far as there is room."""

import math
import os
import shutil
import tempfile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.core.errors import InputError
from inpainting.video.windows import Scalar


def array(dtype: type[Scalar], *shape: int) -> NDArray[Scalar]:
    """Zeros in an unnamed temporary file, which goes with the last use of them.

    Their room is reserved, where the system can, and InputError raised where there is none: a disk that fills later, by
    this clip's other arrays or by other programs, would kill the process at a write.
    """
    with tempfile.TemporaryFile() as file:
        folder, needed = tempfile.gettempdir(), math.prod(shape) * np.dtype(dtype).itemsize
        free = shutil.disk_usage(folder).free
        try:
            if needed > free:
                raise OSError
            if hasattr(os, "posix_fallocate"):  # macOS has none
                os.posix_fallocate(file.fileno(), 0, needed)
        except OSError as error:
            raise InputError(
                f"{folder}: the clip needs {needed / 1e9:.3g} GB there for a while, and {free / 1e9:.3g} GB are free; "
                "name a folder on a larger disk in the environment variable TMPDIR"
            ) from error
        return np.memmap(file, dtype, "w+", shape=shape)


def tensor(*shape: int) -> Tensor:
    """As `array`, float32."""
    return torch.from_numpy(array(np.float32, *shape))
