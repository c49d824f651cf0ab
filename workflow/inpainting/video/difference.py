"""How far input and truth lie apart, pixel by pixel: outside the hole they differ in the effects of what is removed."""

import cv2
import numpy as np
from numpy.typing import NDArray


def summed_difference(rgb: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """|rgb - truth| of two frames, uint8 [height, width, 3], summed over the channels: uint16 [height, width]."""
    channels = cv2.split(cv2.absdiff(rgb, truth))
    return np.asarray(cv2.add(cv2.add(channels[0], channels[1], dtype=cv2.CV_16U), channels[2], dtype=cv2.CV_16U))


def exceeds(summed: NDArray[np.uint16], threshold: float) -> NDArray[np.bool_]:
    """Where a `summed_difference`, as a mean over the channels, is more than a threshold in grey levels."""
    return summed > 3 * threshold
