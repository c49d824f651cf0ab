"""How much of a fill is kept, once a model has made frames of it.

Both are estimates of the same pixels, and which of them is nearer to the truth can be foretold in part: the fill, where
it is doubted little and the model's frames lie near to it, which then tell of the same things, less sharply.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from inpainting.filling.classical import Clip
from inpainting.filling.doubt import Doubt
from inpainting.settings import Settings
from inpainting.video.masks import Hole

SMOOTHING = 3.0
"""Standard deviation in pixels of the Gaussian that differences are smoothed with, so that what is only sharper in one
is no distance."""


class FillTrust(Settings):
    """The share of the fill that is kept is logistic(bias + slope * `uncertainty`)."""

    bias: float
    """Where the share starts from, with no uncertainty."""
    slope: float
    """How the share changes with the uncertainty."""

    def keep(self, made: Clip, filled: Clip, doubt: Doubt, hole: Hole) -> Clip:
        """The model's frames with the fill's share in the hole; all uint8 [frames, height, width, 3] and their like.

        hole: bool [frames, height, width], dilated; elsewhere the frames stay as the model made them.
        """
        kept = made.copy()
        for frame in np.flatnonzero(hole.any(axis=(1, 2))):
            where = hole[frame]
            unsure = uncertainty(made[frame], filled[frame], doubt[frame])[where]
            model, fill = (clip[frame][where].astype(np.float32) for clip in (made, filled))
            share = expit(self.bias + self.slope * unsure)[:, None]
            kept[frame][where] = np.rint(model + share * (fill - model)).astype(np.uint8)
        return kept


def uncertainty(made: NDArray[np.uint8], filled: NDArray[np.uint8], doubt: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How little a fill may be trusted, of one frame: log((1 + doubt) (1 + distance)), float32 [height, width].

    made, filled: uint8 [height, width, 3], the model's frame and the fill's; doubt: uint8 [height, width]. The distance
    is the difference of both frames, smoothed, its mean size over the channels. Both are in grey levels. Each has its
    say; a weight of its own for each is not learned better from a dozen sequences.
    """
    difference = cv2.GaussianBlur(filled.astype(np.float32) - made, (0, 0), SMOOTHING)
    return np.log1p(doubt, dtype=np.float32) + np.log1p(np.abs(difference).mean(axis=2))
