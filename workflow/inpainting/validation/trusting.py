"""How far a fill may be trusted, learned from the validation set: three numbers, of all its sequences together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from inpainting import seeds
from inpainting.filling.trust import FillTrust, signs
from inpainting.inference.restoration import Clip, View
from inpainting.video.masks import Hole

PIXELS = 20_000
"""Pixels of a sequence's hole that are looked at, drawn at random where it has more."""

LEAST_ERROR = 1e-2
"""Squared grey levels that are added to a sequence's mean error, so that none counts without end."""


@dataclass(frozen=True)
class Sample:
    """Pixels of a sequence's hole, in float64.

    signs: [pixels, 3], a 1 and `trust.signs`; model: mean squared error of the model's pixels, over the channels; cross
    and apart: means of their error times the fill's difference from them, and of that difference squared.
    """

    signs: NDArray[np.float64]
    model: NDArray[np.float64]
    cross: NDArray[np.float64]
    apart: NDArray[np.float64]


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
        tell = np.stack([signs(*frame) for frame in zip(made, view.frames, view.doubt, strict=True)])
        pixels = (clip.reshape(-1, 3)[found].astype(float) for clip in (made, view.frames, truth))
        model, fill, true = pixels
        self.samples.append(
            Sample(
                np.column_stack([np.ones(len(found)), tell.reshape(-1, 2)[found]]),
                np.square(model - true).mean(axis=1),
                ((model - true) * (fill - model)).mean(axis=1),
                np.square(fill - model).mean(axis=1),
            )
        )

    def fit(self) -> tuple[FillTrust, float] | None:
        """The trust with the best mean PSNR over the sequences, and by how many dB it is better than no trust.

        None where no sequence has a hole.
        """
        if not self.samples:
            return None
        found = minimize(self._loss, np.zeros(3), jac=True, method="L-BFGS-B")
        without = np.mean([np.log(sample.model.mean() + LEAST_ERROR) for sample in self.samples])
        bias, doubt, distance = (float(value) for value in found.x)
        return FillTrust(bias=bias, doubt=doubt, distance=distance), float(10 / np.log(10) * (without - found.fun))

    def _loss(self, numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The mean over the sequences of the logarithm of their error, and its gradient by the three numbers."""
        total, gradient = 0.0, np.zeros(3)
        for sample in self.samples:
            share = expit(sample.signs @ numbers)
            error = np.mean(sample.model + 2 * share * sample.cross + share**2 * sample.apart) + LEAST_ERROR
            slope = 2 * (sample.cross + share * sample.apart) * share * (1 - share)
            total += np.log(error)
            gradient += sample.signs.T @ slope / len(slope) / error
        return total / len(self.samples), gradient / len(self.samples)
