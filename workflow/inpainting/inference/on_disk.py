"""Room for what a clip needs at length: files that the operating system keeps in memory as far as there is room."""

import tempfile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.video.windows import Scalar


def array(dtype: type[Scalar], *shape: int) -> NDArray[Scalar]:
    """Zeros in an unnamed temporary file, which goes with the last use of them."""
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def tensor(*shape: int) -> Tensor:
    """As `array`, float32."""
    return torch.from_numpy(array(np.float32, *shape))
