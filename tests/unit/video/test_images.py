"""What pictures and masks mean, of every kind in which people save them."""

import io
from pathlib import Path

import numpy as np
import pytest
from inpainting.video import images, sequence
from numpy.typing import NDArray
from PIL import Image

HOLE = np.zeros((6, 8), bool)
HOLE[2:4, 3:7] = True
LEVELS = 255 * HOLE.astype(np.uint8)
SCENE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def tinted(*colour: int) -> NDArray[np.uint8]:
    return np.where(HOLE[..., None], np.array(colour, np.uint8), np.uint8(0))


def with_alpha(colours: NDArray[np.uint8], alpha: NDArray[np.uint8] = LEVELS) -> Image.Image:
    return Image.fromarray(np.dstack([colours, alpha]))


def numbered() -> Image.Image:
    """Object 1 in dark red and object 2 in dark green, as DAVIS numbers and colours them."""
    image = Image.fromarray(np.where(HOLE, np.arange(8, dtype=np.uint8) % 2 + 1, np.uint8(0)), "P")
    image.putpalette([0, 0, 0, 64, 0, 0, 0, 64, 0])
    return image


MASKS = {
    "grey": Image.fromarray(LEVELS),
    "one bit": Image.fromarray(HOLE),
    "16 bits": Image.fromarray(LEVELS.astype(np.uint16) * 257),
    "equal channels": Image.fromarray(np.dstack([LEVELS] * 3)),
    "red": Image.fromarray(tinted(255, 0, 0)),
    "blue": Image.fromarray(tinted(0, 0, 255)),
    "magenta": Image.fromarray(tinted(255, 0, 255)),
    "alpha of white": with_alpha(np.full_like(SCENE, 255)),
    "alpha of black": with_alpha(np.zeros_like(SCENE)),
    "alpha of red, black where it is transparent": with_alpha(tinted(200, 0, 0)),
    "opaque": with_alpha(np.dstack([LEVELS] * 3), np.full_like(LEVELS, 255)),
    "grey with alpha": Image.merge("LA", [Image.fromarray(np.full_like(LEVELS, 9)), Image.fromarray(LEVELS)]),
    "grey palette": Image.fromarray(LEVELS).convert("P"),
    "numbered objects": numbered(),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_of_all_kinds_have_the_same_hole(kind: str) -> None:
    assert np.array_equal(images.to_mask(MASKS[kind]) >= 128, HOLE)


@pytest.mark.parametrize("kind", ["red", "alpha of white", "numbered objects"])
def test_a_mask_means_the_same_to_the_reader_of_sequences(tmp_path: Path, kind: str) -> None:
    (tmp_path / sequence.MASK).mkdir()
    MASKS[kind].save(tmp_path / sequence.MASK / sequence.frame_name(1))
    assert np.array_equal(sequence.read_mask(tmp_path, 0, 1)[0] >= 128, HOLE)


def test_a_frame_without_a_hole_in_a_clip_of_alpha_masks_is_empty() -> None:
    assert not images.to_mask(with_alpha(np.full_like(SCENE, 255), np.zeros_like(LEVELS))).any()


def test_a_mask_whose_colours_and_alpha_both_vary_is_refused() -> None:
    with pytest.raises(images.MaskError, match="colours and an alpha that both vary"):
        images.to_mask(with_alpha(SCENE))


def test_a_mask_of_16_bits_with_the_values_of_8_is_not_taken_for_empty() -> None:
    assert images.to_mask(Image.fromarray(LEVELS.astype(np.uint16))).max() == 1


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_of_more_than_16_bits_are_refused_with_their_mode(kind: type) -> None:
    image = Image.fromarray(LEVELS.astype(kind))
    for convert in (images.to_picture, images.to_mask):
        with pytest.raises(images.DepthError, match=f"mode {image.mode}; 8 or 16 bits"):
            convert(image)


def test_a_file_of_several_pictures_is_refused() -> None:
    stack = io.BytesIO()
    Image.fromarray(LEVELS).save(stack, "TIFF", save_all=True, append_images=[Image.fromarray(LEVELS)])
    with Image.open(stack) as image, pytest.raises(ValueError, match="holds 2 pictures"):
        images.to_mask(image)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_and_masks_are_turned_upright(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[images.ORIENTATION] = 8
    smooth = np.mgrid[:6, :8][0].astype(np.uint8) * 40
    Image.fromarray(smooth).save(tmp_path / f"turned.{suffix}", exif=exif)
    with Image.open(tmp_path / f"turned.{suffix}") as image:
        stored = np.asarray(image)
        assert images.orientation(image) == 8
        assert np.array_equal(images.to_mask(image), np.rot90(stored))
        assert np.array_equal(images.to_picture(image)[..., 0], np.rot90(stored))
