"""Difference of input and truth per pixel; outside the hole it shows shadows and reflections of removed objects."""

import cv2
import numpy as np
from numpy.typing import NDArray


def summed_difference(rgb: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """|rgb - truth| of two frames, uint8 [height, width, 3], summed over channels: uint16 [height, width] in 0..765."""
    channels = cv2.split(cv2.absdiff(rgb, truth))
    return np.asarray(cv2.add(cv2.add(channels[0], channels[1], dtype=cv2.CV_16U), channels[2], dtype=cv2.CV_16U))


def exceeds(summed: NDArray[np.uint16], threshold: float) -> NDArray[np.bool_]:
    """Where the mean over channels of a `summed_difference` exceeds `threshold` grey levels: bool [height, width]."""
    return summed > 3 * threshold
