"""What a picture and a mask mean: depth, orientation, palette, colours and alpha are decided here for every reader.

A picture is turned upright as its EXIF orientation says. A mask's level is its grey value or, in colours, its brightest
channel, so that a red hole counts like a white one; in a palette that has colours, which numbers objects, every colour
but black is 255. Where alpha varies and all visible pixels have one colour, alpha is the mask. What can't be decided
raises a ValueError that says what was found.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps

Picture = NDArray[np.uint8]
"""uint8 [height, width, 3], RGB."""

MaskLevels = NDArray[np.uint8]
"""uint8 [height, width]: a mask before the threshold; see `masks.to_hole`."""

ORIENTATION = 0x0112
"""The EXIF tag of the camera's orientation; 1, or no tag: upright."""


class DepthError(ValueError):
    """A picture's pixels have more than 16 bits, or are floats: nobody knows which values are black and white."""


class MaskError(ValueError):
    """A mask's picture can be read in more than one way."""


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8: 1 is upright."""
    found = image.getexif().get(ORIENTATION, 1)
    return found if found in range(2, 9) else 1


def upright(image: Image.Image) -> Image.Image:
    """The image, turned as its EXIF orientation says.

    Raises DepthError, or another ValueError for a stack of pictures (of animated PNGs the first picture counts).
    """
    if image.format in {"TIFF", "WEBP"} and (count := getattr(image, "n_frames", 1)) > 1:
        raise ValueError(f"holds {count} pictures; give a video, or a folder with one file per frame")
    if image.mode in {"I", "F"}:
        raise DepthError(f"has pixels of mode {image.mode}; 8 or 16 bits per channel are needed")
    return image if orientation(image) == 1 else ImageOps.exif_transpose(image)


def to_picture(image: Image.Image) -> Picture:
    """A picture as uint8 [height, width, 3], RGB, upright; of 16 bits the upper 8 are kept, transparency is dropped.

    Raises DepthError, or another ValueError for a file of several pictures.
    """
    image = upright(image)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return np.asarray(image.convert("RGB"))


def to_mask(image: Image.Image) -> MaskLevels:
    """A mask as uint8 [height, width], upright. Raises DepthError or MaskError, and ValueError as `to_picture`."""
    image = upright(image)
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I;16"):
        # Levels below 256 would become 0: they stay visible as 1, so that masks of 0 and 1 or 0 and 255 are noticed.
        levels = np.asarray(image)
        return np.maximum(levels >> 8, levels > 0).astype(np.uint8)
    if image.has_transparency_data:
        return of_channels(np.asarray(image.convert("RGBA")))
    red, green, blue = image.convert("RGB").split()
    levels = np.asarray(ImageChops.lighter(ImageChops.lighter(red, green), blue))
    if image.mode == "P" and is_coloured(image, levels):
        return np.where(levels > 0, np.uint8(255), np.uint8(0))
    return levels


def is_coloured(image: Image.Image, levels: MaskLevels) -> bool:
    """Whether the levels of a mask, [height, width], are not its grey values, since it has colours or transparency."""
    grey = image.mode in {"1", "L"} or image.mode.startswith("I;16")
    return not (grey or np.array_equal(levels, np.asarray(image.convert("L"))))


def of_channels(channels: NDArray[Any]) -> NDArray[Any]:
    """Levels of one mask [height, width, channels] with 1 (grey), 2 (with alpha), 3 or 4 (with alpha) channels.

    Returns [height, width] of the same type. Raises MaskError if both colours and alpha vary.
    """
    colours, alpha = (channels, None) if channels.shape[2] % 2 else (channels[..., :-1], channels[..., -1])
    if alpha is not None and (alpha.min() != alpha.max() or not alpha.any()):
        visible = colours[alpha > 0] if alpha.any() else colours.reshape(-1, colours.shape[2])
        if (visible != visible[0]).any():
            raise MaskError("has colours and an alpha that both vary; save the mask as grey, white where to inpaint")
        return alpha
    brightest = colours[..., 0]
    for channel in range(1, colours.shape[2]):
        brightest = np.maximum(brightest, colours[..., channel])
    return brightest
