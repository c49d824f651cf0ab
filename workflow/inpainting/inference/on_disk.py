"""Room for what a clip needs at length: files that the operating system keeps in memory as far as there is room."""

import math
import shutil
import tempfile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.errors import InputError
from inpainting.video.windows import Scalar


def array(dtype: type[Scalar], *shape: int) -> NDArray[Scalar]:
    """Zeros in an unnamed temporary file, which goes with the last use of them.

    Raises InputError where the disk has no room for it; a full disk would kill the process at the first write.
    """
    with tempfile.TemporaryFile() as file:
        folder, needed = tempfile.gettempdir(), math.prod(shape) * np.dtype(dtype).itemsize
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise InputError(
                f"{folder}: the clip needs {needed / 1e9:.3g} GB there for a while, and {free / 1e9:.3g} GB are free; "
                "name a folder on a larger disk in the environment variable TMPDIR"
            )
        return np.memmap(file, dtype, "w+", shape=shape)


def tensor(*shape: int) -> Tensor:
    """As `array`, float32."""
    return torch.from_numpy(array(np.float32, *shape))
