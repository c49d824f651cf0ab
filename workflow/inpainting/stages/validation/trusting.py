"""How far fills may be trusted, learned from the validation set: a few numbers, of all its sequences together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inpainting.baselines.settings import Fill
from inpainting.baselines.trust import FillTrust, shares_of, uncertainty
from inpainting.core import seeds
from inpainting.sampling.conditioned_clip import Clip, View
from inpainting.video.masks import Hole

PIXELS = 20_000
"""Pixels of a sequence's hole that are looked at, drawn at random where it has more."""

FLOOR = 100.0
"""Squared grey levels that are added to a sequence's mean error, so that those of hardly any, far over 28 dB, do not
outweigh the others."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Pixels of a sequence's hole.

    unsure: [fills, pixels], the fills' `uncertainty`; model: [pixels], squared error of the model's pixels; cross:
    [fills, pixels], their error times the fill's difference from them; apart: [fills, fills, pixels], products of two
    fills' differences. The last three are means over the channels.
    """

    unsure: Array
    model: Array
    cross: Array
    apart: Array

    def error(self, shares: Array) -> float:
        """Mean squared error with shares of the fills, [fills, pixels]; never quite 0."""
        both = np.einsum("fp,gp,fgp->p", shares, shares, self.apart)
        return max(float(np.mean(self.model + 2 * (shares * self.cross).sum(axis=0) + both)), 1e-6)

    def slopes(self, shares: Array) -> Array:
        """How each pixel's error changes with the weights that `shares_of` took: [fills, pixels]."""
        by_share = 2 * (self.cross + np.einsum("gp,fgp->fp", shares, self.apart))
        return shares * (by_share - (shares * by_share).sum(axis=0))


@dataclass
class TrustFit:
    """Gathers what a model made of validation sequences, and finds the trust in `fills` that suits them best."""

    fills: tuple[Fill, ...]
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
        fills = [view.fills[name] for name in self.fills]
        unsure = [
            np.stack([uncertainty(*frame) for frame in zip(made, fill.clip, fill.doubt, strict=True)]) for fill in fills
        ]
        model, true, *filled = (
            clip.reshape(-1, 3)[found].astype(float) for clip in (made, truth, *(fill.clip for fill in fills))
        )
        apart = np.stack(filled) - model
        self.samples.append(
            Sample(
                np.stack([frames.reshape(-1)[found] for frames in unsure]).astype(float),
                np.square(model - true).mean(axis=1),
                ((model - true) * apart).mean(axis=2),
                np.einsum("fpc,gpc->fgp", apart, apart) / 3,
            )
        )

    def fit(self) -> tuple[FillTrust, float] | None:
        """The trust with the best mean PSNR over the sequences, and by how many dB that is better than without any.

        The PSNR that is best is of errors with the FLOOR added, the one that is told of errors as they are. None where
        no sequence has a hole.
        """
        if not self.samples:
            return None
        slope, *biases = minimize(self._loss, np.zeros(1 + len(self.fills)), jac=True, method="L-BFGS-B").x
        trust = FillTrust(
            slope=float(slope), biases={name: float(bias) for name, bias in zip(self.fills, biases, strict=True)}
        )
        gains = [
            np.log10(part.error(np.zeros_like(part.unsure)) / part.error(trust.shares(part.unsure)))
            for part in self.samples
        ]
        return trust, float(10 * np.mean(gains))

    def _loss(self, numbers: Array) -> tuple[float, Array]:
        """The mean over the sequences of the logarithm of their error, and its gradient by slope and biases."""
        total, gradient = 0.0, np.zeros_like(numbers)
        for part in self.samples:
            shares = shares_of(numbers[1:, None] + numbers[0] * part.unsure)
            error = part.error(shares) + FLOOR
            slopes = part.slopes(shares)
            total += np.log(error)
            gradient += np.array([(slopes * part.unsure).sum(axis=0).mean(), *slopes.mean(axis=1)]) / error
        return total / len(self.samples), gradient / len(self.samples)
