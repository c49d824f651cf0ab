"""The forms of videos and masks that the pipeline accepts, and the forms of its frames."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inpainting.sampling.arguments import ArgumentError
from inpainting.video import images, masks
from inpainting.video.clip import Frames
from inpainting.video.images import Picture
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings

OutputType = Literal["uint8", "np", "pil", "pt", "latent", "stream"]
"""See `CogVideoXInpaintPipeline.__call__`."""

VIDEO_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
"""Modes of PIL images with 8 bits per channel, which are converted to RGB; transparency is dropped."""


def to_frames(video: Any) -> Frames:
    """Convert a video to uint8 [frames, height, width, 3]; an array of that form is not copied.

    video: PIL images of VIDEO_MODES; an array [frames, height, width, 3] or a tensor [frames, 3, height, width], uint8
    or float in 0..1; or a list of such frames. Raises ArgumentError for anything else.
    """
    pixels = _to_array(video, "video", _video_image)
    channels_first = _is_of(video, Tensor)
    if pixels.ndim != 4 or pixels.shape[1 if channels_first else -1] != 3 or pixels.size == 0:
        expected = "[frames, 3, height, width]" if channels_first else "[frames, height, width, 3]"
        raise ArgumentError(f"the video is {list(pixels.shape)}; give {expected}, with at least one frame")
    if channels_first:
        pixels = pixels.transpose(0, 2, 3, 1)
    return pixels if pixels.dtype == np.uint8 else _float_to_uint8(pixels, "video")


def to_hole(mask: Any, shape: tuple[int, ...], settings: MaskSettings) -> Hole:
    """Convert a mask to a hole, bool [frames, height, width], not dilated.

    mask: bool, true where to inpaint; uint8 of 0 and 1, or grey levels in 0..255; float in 0..1. Its shape is [frames,
    height, width], or [height, width] for all frames. Also with a channel axis, last in arrays and before the height
    in tensors: of one channel, or of three and perhaps an alpha. Or PIL images. Colours and alpha mean what they mean
    in files: see `video.images`.
    shape: (frames, height, width) of the video. settings: threshold and polarity; they do not apply to bool masks.
    Raises ArgumentError for anything else.
    """
    stored = _to_array(mask, "mask", _mask_image)
    values = _one_channel(stored, shape, -3 if _is_of(mask, Tensor) else -1)
    if values.shape == shape[1:]:
        values = np.broadcast_to(values, shape)
    if values.shape != shape:
        found = _size_text(stored.shape)
        raise ArgumentError(f"the frames are {_size_text(shape)} and the masks {found}; they must agree")
    if values.dtype == np.bool_:
        return values
    levels = _mask_levels(values)
    highest = int(levels.max())
    if 0 < highest < settings.mask_threshold:
        raise ArgumentError(
            f"the mask's values reach {highest} of 255, below mask_threshold, {settings.mask_threshold}; give a bool "
            "mask, or values of 0 and 255"
        )
    return masks.to_hole(levels, settings)


def to_output(frames: Iterator[Picture], output_type: OutputType) -> Any:
    """A clip's frames, each uint8 [height, width, 3], in the form of `output_type`."""
    if output_type == "stream":
        return frames
    if output_type == "pil":
        return [Image.fromarray(frame) for frame in frames]
    clip = np.stack(list(frames))
    if output_type == "uint8":
        return clip
    scaled = clip.astype(np.float32) / 255
    return scaled if output_type == "np" else torch.from_numpy(scaled).permute(0, 3, 1, 2)


def _is_of(given: Any, kind: type) -> bool:
    """Whether a video or mask is given as a `kind`, or as a list of them."""
    return isinstance(given[0] if isinstance(given, list | tuple) and given else given, kind)


def _to_array(given: Any, what: str, convert: Callable[[Image.Image], NDArray[np.uint8]]) -> NDArray[Any]:
    """An array of an array, a tensor, an image, or a list of them, with axes as given; convert: of a PIL image."""
    if isinstance(given, Image.Image):
        return convert(given)
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        return (given.float() if given.is_floating_point() else given).numpy()
    if isinstance(given, list | tuple):
        parts = [_to_array(part, what, convert) for part in given]
        sizes = {part.shape for part in parts}
        if len(sizes) != 1:
            found = "none" if not sizes else "of several sizes: " + ", ".join(map(str, sorted(map(list, sizes))))
            raise ArgumentError(f"the pictures of the {what} are {found}; give pictures of one size")
        return np.stack(parts)
    if not isinstance(given, np.ndarray):
        raise ArgumentError(f"the {what} is a {type(given).__name__}; give an array, a tensor or a list of PIL images")
    return given


def _video_image(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode not in VIDEO_MODES:
        raise ArgumentError(f"a picture of the video is of the mode {image.mode}; convert it to RGB with 8 bits")
    return np.asarray(image.convert("RGB"))


def _mask_image(image: Image.Image) -> NDArray[np.uint8]:
    try:
        return images.to_mask(image)
    except ValueError as error:
        raise ArgumentError(f"a mask's picture {error}") from error


def _one_channel(stored: NDArray[Any], shape: tuple[int, ...], axis: int) -> NDArray[Any]:
    """A mask without its channel axis, if it has one; shape: (frames, height, width) of the video."""
    if stored.shape == shape or stored.ndim < 3 or stored.shape[axis] not in (1, 3, 4):
        return stored
    channels = np.moveaxis(stored, axis, -1)
    try:
        frames = [images.of_channels(frame) for frame in channels.reshape(-1, *channels.shape[-3:])]
    except images.MaskError as error:
        raise ArgumentError(f"the mask {error}") from error
    return frames[0] if channels.ndim == 3 else np.stack(frames)


def _mask_levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """A mask's values in 0..255; uint8 that goes no further than 1 is taken as 0 and 1."""
    if values.dtype != np.uint8:
        return _float_to_uint8(values, "mask")
    return 255 * values if values.max() == 1 else values


def _float_to_uint8(values: NDArray[Any], what: str) -> NDArray[np.uint8]:
    if not np.issubdtype(values.dtype, np.floating):
        raise ArgumentError(f"the {what} is of {values.dtype}; give uint8, or floats in 0..1")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise ArgumentError(f"the {what}'s values reach from {low:.3g} to {high:.3g}; floats have to be in 0..1")
    return (values * 255).round().astype(np.uint8)


def _size_text(shape: tuple[int, ...]) -> str:
    """`9 of 640x480` for (frames, height, width), else the shape."""
    return f"{shape[0]} of {shape[2]}x{shape[1]}" if len(shape) == 3 else str(list(shape))
