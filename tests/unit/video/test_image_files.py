"""The images of a folder are found by the numbers in their names."""

from pathlib import Path

import pytest
from inpainting.core.errors import InputError
from inpainting.video import image_files
from PIL import Image


def test_two_files_for_one_frame_are_refused_with_their_names(tmp_path: Path) -> None:
    for name in ("0001.png", "0002.png", "0002.jpg"):
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    with pytest.raises(InputError, match=r"two files for one frame, 0002\.jpg and 0002\.png"):
        image_files.image_files(tmp_path)
    (tmp_path / "0002.jpg").rename(tmp_path / "0002_mask.jpg")
    with pytest.raises(InputError, match=r"0002\.png and 0002_mask\.jpg"):
        image_files.image_files(tmp_path)
