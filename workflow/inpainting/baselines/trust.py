"""How much of classical fills is kept, once a model has made frames of one of them.

All are estimates of the same pixels, and which of them is nearest to the truth can be foretold in part: a fill, where
it is doubted little and the model's frames lie near to it, which then tell of the same things, less sharply.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from inpainting.baselines.baseline import Clip
from inpainting.baselines.fills import Filled
from inpainting.baselines.settings import Fill, Signal
from inpainting.core.settings import Settings
from inpainting.video.masks import Hole

SMOOTHING = 3.0
"""Standard deviation in pixels of the Gaussian that differences are smoothed with, so that what is only sharper in one
is no distance."""


class FillTrust(Settings):
    """The shares of fills that are kept: softmax over 0, for the model, and bias + slope * `uncertainty` of each."""

    slope: float
    """How a fill's weight changes with its uncertainty."""
    biases: dict[Fill, float]
    """By fill, where its weight starts from, with no uncertainty."""

    def keep(self, made: Clip, fills: Mapping[Signal, Filled], hole: Hole) -> Clip:
        """The model's frames, uint8 [frames, height, width, 3], with the fills' shares in the hole.

        hole: bool [frames, height, width], dilated; elsewhere the frames stay as the model made them. Raises KeyError
        where a fill is missing.
        """
        kept = made.copy()
        chosen = [fills[name] for name in self.biases]
        for frame in np.flatnonzero(hole.any(axis=(1, 2))):
            where = hole[frame]
            unsure = [uncertainty(made[frame], fill.clip[frame], fill.doubt[frame])[where] for fill in chosen]
            model = made[frame][where].astype(np.float32)
            apart = np.stack([fill.clip[frame][where] - model for fill in chosen])
            shares = self.shares(np.stack(unsure))
            kept[frame][where] = np.rint(model + (shares[..., None] * apart).sum(axis=0)).astype(np.uint8)
        return kept

    def shares(self, unsure: NDArray[np.floating]) -> NDArray[np.float64]:
        """Each fill's share of each pixel, from their uncertainties; both [fills, pixels]."""
        return shares_of(np.array([*self.biases.values()])[:, None] + self.slope * unsure)


def shares_of(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The softmax of the fills' weights beside the model's, which is 0; both [fills, pixels]."""
    return np.asarray(softmax(np.concatenate([np.zeros_like(weights[:1]), weights]), axis=0)[1:])


def trusted(signal: Signal) -> tuple[Fill, ...]:
    """The fills that may be kept beside what a model makes of one: that one, and the temporal median, which errs in
    other places; of the input as it is, none.
    """
    if signal == "rgb":
        return ()
    return (signal,) if signal == "temporal_median" else (signal, "temporal_median")


def uncertainty(made: NDArray[np.uint8], filled: NDArray[np.uint8], doubt: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How little a fill may be trusted, of one frame: log((1 + doubt) (1 + distance)), float32 [height, width].

    made, filled: uint8 [height, width, 3], the model's frame and the fill's; doubt: uint8 [height, width]. The distance
    is the difference of both frames, smoothed, its mean size over the channels. Both are in grey levels. Each has its
    say; a weight of its own for each is not learned better from a dozen sequences.
    """
    difference = cv2.GaussianBlur(filled.astype(np.float32) - made, (0, 0), SMOOTHING)
    return np.log1p(doubt, dtype=np.float32) + np.log1p(np.abs(difference).mean(axis=2))
