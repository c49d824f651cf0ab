"""Arrays in temporary files."""

import shutil
import tempfile

import numpy as np
import pytest
import torch
from inpainting.core.errors import InputError
from inpainting.sampling import on_disk


def test_an_array_is_zero_at_first_and_keeps_what_is_written() -> None:
    array = on_disk.array(np.bool_, 3, 4)
    assert array.dtype == np.bool_ and not array.any()
    array[1] = True
    assert array.sum() == 4
    tensor = on_disk.tensor(2, 5)
    assert tensor.dtype == torch.float32 and torch.equal(tensor, torch.zeros(2, 5))


def test_its_disk_space_is_reserved() -> None:
    with tempfile.TemporaryDirectory() as folder:
        before = shutil.disk_usage(folder).free
        array = on_disk.array(np.uint8, 400, 10**6)
        assert before - shutil.disk_usage(folder).free > 200e6
    assert not array[::50].any()


def test_too_little_disk_space_is_an_error_before_anything_is_written() -> None:
    with pytest.raises(InputError, match=r"needs 1e\+06 GB of temporary files.*TMPDIR"):
        on_disk.array(np.uint8, 10**6, 10**9)
