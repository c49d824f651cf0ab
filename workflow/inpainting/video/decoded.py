"""Decoded frames of videos as pictures and masks: colours, rotation, and what can't be taken as it is."""

from collections.abc import Iterable
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from inpainting.video import images
from inpainting.video.images import MaskLevels, Picture

EXACT_CONVERSION = (
    Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
)
"""Flags of an accurate colour conversion; FFmpeg's default is off by up to 2 grey levels on flat areas."""

UNSPECIFIED = 2
"""FFmpeg's code for a colour space that the file does not specify."""

WIDE_MATRICES = {9: "BT.2020", 10: "BT.2020"}
WIDE_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""FFmpeg's codes for the colours of videos that look washed out if they are taken for BT.709, as screens show them."""


TO_BT709 = (
    "map them first: ffmpeg -i IN -vf zscale=t=linear:npl=100,format=gbrpf32le,tonemap=hable,"
    "zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p -crf 12 OUT.mp4"
)


class VideoError(ValueError):
    """A video's frames can't be taken as they are decoded; the message begins with what the video has."""


def picture(frame: VideoFrame) -> Picture:
    """A decoded frame, rotated upright: uint8 [height, width, 3].

    A frame of more than 576 lines without a colour space is taken as BT.709, as players do. Raises VideoError for HDR
    and for colours that BT.709 does not have, and for mirrored frames.
    """
    gamut = WIDE_PRIMARIES.get(frame.color_primaries) or WIDE_MATRICES.get(frame.colorspace)
    if found := [name for name in (HDR_TRANSFERS.get(frame.color_trc), gamut) if name]:
        raise VideoError(f"has colours of {' and '.join(found)}; {TO_BT709}")
    return _upright(frame, "rgb24")


def mask_levels(frame: VideoFrame) -> MaskLevels:
    """The levels of a decoded frame of masks, rotated upright: uint8 [height, width]; see `images.of_channels`."""
    has_alpha = any(component.is_alpha for component in frame.format.components)
    return images.of_channels(_upright(frame, "rgba" if has_alpha else "rgb24"))


def _upright(frame: VideoFrame, pixels: str) -> NDArray[np.uint8]:
    """Raises VideoError for a frame that its header mirrors, of which FFmpeg's rotation says nothing."""
    parts = cast(Iterable[SideData], frame.side_data)  # its stub is that of a mapping of names
    matrices = (np.frombuffer(cast(bytes, part), np.int32) for part in parts if part.type.name == "DISPLAYMATRIX")
    if any(np.sign(m[0]) * np.sign(m[4]) - np.sign(m[1]) * np.sign(m[3]) < 0 for m in matrices):
        raise VideoError("has a header that mirrors its frames; mirror them first: ffmpeg -i IN -crf 12 OUT.mp4")
    unnamed = frame.colorspace == UNSPECIFIED and frame.height > 576
    space = Colorspace.ITU709 if unnamed else None
    converted = frame.to_ndarray(format=pixels, interpolation=EXACT_CONVERSION, src_colorspace=space)
    return np.rot90(converted, round(frame.rotation / 90))
