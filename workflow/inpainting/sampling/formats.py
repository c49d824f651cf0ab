"""The forms in which the pipeline takes a video and a mask, and gives frames."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inpainting.core.errors import InputError
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.reader import Picture
from inpainting.video.settings import MaskSettings

Frames = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""

OutputType = Literal["uint8", "np", "pil", "pt", "latent", "stream"]
"""See `CogVideoXInpaintPipeline.__call__`."""


def to_frames(video: Any) -> Frames:
    """A video, in any form that `CogVideoXInpaintPipeline.__call__` takes, as uint8 [frames, height, width, 3].

    An array of that form is not copied, so that it may lie on disk. Raises InputError for anything else.
    """
    pixels = _array(video, "video", picture=lambda image: np.asarray(image.convert("RGB")))
    of_tensors = isinstance(video[0] if isinstance(video, list | tuple) else video, Tensor)
    if of_tensors and pixels.ndim == 4:
        pixels = pixels.transpose(0, 2, 3, 1)
    if pixels.ndim != 4 or pixels.shape[-1] != 3 or pixels.size == 0:
        expected = "[frames, 3, height, width]" if of_tensors else "[frames, height, width, 3]"
        raise InputError(f"the video is {list(pixels.shape)}; give {expected}, with at least one frame")
    return _to_uint8(pixels, "video")


def to_hole(mask: Any, shape: tuple[int, ...], settings: MaskSettings) -> Hole:
    """A mask, in any form that `CogVideoXInpaintPipeline.__call__` takes, as bool [frames, height, width], not dilated.

    shape: (frames, height, width) of the video. Raises InputError where the mask does not fit it or is unclear.
    """
    stored = _array(mask, "mask", _mask_picture)
    channel = 1 if isinstance(mask, Tensor) else -1
    if stored.ndim == 4 and stored.shape[channel] == 1:
        stored = stored.squeeze(channel)
    if stored.ndim == 2 and stored.shape == shape[1:]:
        stored = np.broadcast_to(stored, shape)
    if stored.shape != shape:
        raise InputError(f"the frames are {_shown(shape)} and the masks {_shown(stored.shape)}; they must agree")
    if stored.dtype == np.bool_:
        return stored
    levels = _to_uint8(stored, "mask")
    highest = int(levels.max())
    if highest == 1 and stored.dtype == np.uint8:
        levels, highest = 255 * levels, 255
    if 0 < highest < settings.mask_threshold:
        raise InputError(
            f"the mask's values end at {highest} of 255, below mask_threshold, {settings.mask_threshold}; give a bool "
            "mask, or values of 0 and 255"
        )
    return masks.to_hole(levels, settings)


def to_output(frames: Iterator[Picture], output_type: OutputType) -> Any:
    """A clip's frames as `output_type` says."""
    if output_type == "stream":
        return frames
    if output_type == "pil":
        return [Image.fromarray(frame) for frame in frames]
    clip = np.stack(list(frames))
    if output_type == "uint8":
        return clip
    scaled = clip.astype(np.float32) / 255
    return scaled if output_type == "np" else torch.from_numpy(scaled).permute(0, 3, 1, 2)


def _array(given: Any, what: str, picture: Callable[[Image.Image], NDArray[np.uint8]]) -> NDArray[Any]:
    """An array of pictures, tensors or arrays; `picture` makes an array of an image of PIL's."""
    if isinstance(given, Image.Image):
        return picture(given)
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        return (given.float() if given.is_floating_point() else given).numpy()
    if isinstance(given, list | tuple):
        parts = [_array(part, what, picture) for part in given]
        sizes = {part.shape for part in parts}
        if len(sizes) != 1:
            found = "none" if not sizes else "of several sizes: " + ", ".join(map(str, sorted(map(list, sizes))))
            raise InputError(f"the pictures of the {what} are {found}; give pictures of one size")
        return np.stack(parts)
    if not isinstance(given, np.ndarray):
        raise InputError(f"the {what} is a {type(given).__name__}; give an array, a tensor or a list of PIL images")
    return given


def _mask_picture(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode not in {"1", "L", "RGB"}:
        raise InputError(f"a mask's picture is of the mode {image.mode}; convert it to L, white where to inpaint")
    return np.asarray(image.convert("L"))


def _to_uint8(values: NDArray[Any], what: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"the {what} is of {values.dtype}; give uint8, or floats in 0..1")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise InputError(f"the {what}'s values reach from {low:.3g} to {high:.3g}; as floats they have to be in 0..1")
    return (values * 255).round().astype(np.uint8)


def _shown(shape: tuple[int, ...]) -> str:
    """`9 of 640x480` for (frames, height, width); the bare shape of anything else."""
    return f"{shape[0]} of {shape[2]}x{shape[1]}" if len(shape) == 3 else str(list(shape))
