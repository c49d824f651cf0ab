"""How far a fill may be trusted, learned from the validation set: two numbers, of all its sequences together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from inpainting import seeds
from inpainting.filling.trust import FillTrust, uncertainty
from inpainting.inference.views import Clip, View
from inpainting.video.masks import Hole

PIXELS = 20_000
"""Pixels of a sequence's hole that are looked at, drawn at random where it has more."""

FLOOR = 100.0
"""Squared grey levels that are added to a sequence's mean error, so that those of hardly any, far over 28 dB, do not
outweigh the others."""


@dataclass(frozen=True)
class Sample:
    """Pixels of a sequence's hole, in float64.

    unsure: [pixels, 2], a 1 and the `uncertainty`; model: mean squared error of the model's pixels, over the channels;
    cross and apart: means of their error times the fill's difference from them, and of that difference squared.
    """

    unsure: NDArray[np.float64]
    model: NDArray[np.float64]
    cross: NDArray[np.float64]
    apart: NDArray[np.float64]

    def error(self, share: NDArray[np.float64] | float) -> float:
        """Mean squared error with a share of the fill, [pixels] or one for all; never quite 0."""
        return max(float(np.mean(self.model + 2 * share * self.cross + share**2 * self.apart)), 1e-6)


@dataclass
class TrustFit:
    """Gathers what a model made of validation sequences, and finds the trust in their fills that suits them best."""

    seed: int
    samples: list[Sample] = field(default_factory=list)

    def add(self, sequence: str, view: View, made: Clip, truth: Clip, hole: Hole) -> None:
        """A sequence: what the model was shown and made, and the truth; scored in the hole, which is not dilated.

        made, truth: uint8 [frames, height, width, 3]; hole: bool [frames, height, width]. An empty hole tells nothing.
        """
        found = np.flatnonzero(hole)
        if not len(found):
            return
        if len(found) > PIXELS:
            draw = np.random.default_rng(seeds.derive(self.seed, "validation.trust", sequence))
            found = np.sort(draw.choice(found, PIXELS, replace=False))
        unsure = np.stack([uncertainty(*frame) for frame in zip(made, view.frames, view.doubt, strict=True)])
        model, fill, true = (clip.reshape(-1, 3)[found].astype(float) for clip in (made, view.frames, truth))
        self.samples.append(
            Sample(
                np.column_stack([np.ones(len(found)), unsure.reshape(-1)[found]]),
                np.square(model - true).mean(axis=1),
                ((model - true) * (fill - model)).mean(axis=1),
                np.square(fill - model).mean(axis=1),
            )
        )

    def fit(self) -> tuple[FillTrust, float] | None:
        """The trust with the best mean PSNR over the sequences, and by how many dB that is better than without any.

        The PSNR that is best is of errors with the FLOOR added, the one that is told of errors as they are. None where
        no sequence has a hole.
        """
        if not self.samples:
            return None
        bias, slope = minimize(self._loss, np.zeros(2), jac=True, method="L-BFGS-B").x
        gains = [np.log10(part.error(0.0) / part.error(expit(part.unsure @ (bias, slope)))) for part in self.samples]
        return FillTrust(bias=float(bias), slope=float(slope)), float(10 * np.mean(gains))

    def _loss(self, numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The mean over the sequences of the logarithm of their error, and its gradient by the two numbers."""
        total, gradient = 0.0, np.zeros(2)
        for part in self.samples:
            share = expit(part.unsure @ numbers)
            error = part.error(share) + FLOOR
            slope = 2 * (part.cross + share * part.apart) * share * (1 - share)
            total += np.log(error)
            gradient += part.unsure.T @ slope / len(slope) / error
        return total / len(self.samples), gradient / len(self.samples)
