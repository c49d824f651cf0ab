"""Arrays in temporary files, for data that grows with a clip's length, and the error of a full disk."""

import contextlib
import errno
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.core.errors import InputError
from inpainting.video.windows import Scalar


def array(dtype: type[Scalar], *shape: int) -> NDArray[Scalar]:
    """An array of zeros [*shape] in an unnamed temporary file, which is deleted with the array.

    Its space is reserved where the system supports it, since a write to a memory-mapped file on a full disk kills the
    process. Raises InputError if the disk has too little space.
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
                f"{folder}: the clip needs {needed / 1e9:.3g} GB of temporary files, and {free / 1e9:.3g} GB are free; "
                "set the environment variable TMPDIR to a folder on a larger disk"
            ) from error
        return np.memmap(file, dtype, "w+", shape=shape)


def tensor(*shape: int) -> Tensor:
    """A float32 tensor of zeros [*shape] in a temporary file; see `array`."""
    return torch.from_numpy(array(np.float32, *shape))


@contextlib.contextmanager
def full_disk_reported(path: Path) -> Iterator[None]:
    """Raise InputError, naming the file that is written, instead of the OSError of a full disk, quota or limit."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        reason = os.strerror(error.errno).lower()
        raise InputError(f"{path} can't be written: {reason}; free space there, or give another place") from error
