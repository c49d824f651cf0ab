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
    """The share of the fill that is kept: logistic(bias + doubt log(1 + its doubt) + distance log(1 + its distance)).

    Doubt and distance are in grey levels; see `signs`.
    """

    bias: float
    """What the share starts from where there is neither doubt nor distance."""
    doubt: float
    """How the share changes with the fill's doubt."""
    distance: float
    """How the share changes with the distance between the fill and the model's frames."""

    def share(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shares in 0..1, float32 [...], of `signs`, [..., 2]."""
        odds = self.bias + found @ np.array([self.doubt, self.distance], np.float32)
        return expit(odds)

    def keep(self, made: Clip, filled: Clip, doubt: Doubt, hole: Hole) -> Clip:
        """The model's frames with the fill's share in the hole; all uint8 [frames, height, width, 3] and their like.

        hole: bool [frames, height, width], dilated; elsewhere the frames stay as the model made them.
        """
        kept = made.copy()
        for frame in np.flatnonzero(hole.any(axis=(1, 2))):
            where = hole[frame]
            found = signs(made[frame], filled[frame], doubt[frame])[where]
            model, fill = (clip[frame][where].astype(np.float32) for clip in (made, filled))
            kept[frame][where] = np.rint(model + self.share(found)[:, None] * (fill - model)).astype(np.uint8)
        return kept


def signs(made: NDArray[np.uint8], filled: NDArray[np.uint8], doubt: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What tells how far a fill may be trusted, of one frame: float32 [height, width, 2].

    made, filled: uint8 [height, width, 3], the model's frame and the fill's; doubt: uint8 [height, width]. First the
    doubt, then the distance: the difference of both frames, smoothed, its mean size over the channels. Of both the
    logarithm of 1 and the grey levels.
    """
    difference = cv2.GaussianBlur(filled.astype(np.float32) - made, (0, 0), SMOOTHING)
    return np.log1p(np.stack([doubt.astype(np.float32), np.abs(difference).mean(axis=2)], axis=2))
