"""The v-prediction loss over the hole: squared errors and areas are kept as sums until the whole batch is known."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RegionSums:
    """Squared errors, or numbers of values, summed apart inside and outside the loss region."""

    inside: Tensor
    outside: Tensor

    def weighted(self, outside_weight: float) -> Tensor:
        """One number, the outside counting as little as it shall."""
        return self.inside + outside_weight * self.outside

    def __add__(self, other: "RegionSums") -> "RegionSums":
        return RegionSums(self.inside + other.inside, self.outside + other.outside)

    def detach(self) -> "RegionSums":
        """The sums without their graph."""
        return RegionSums(self.inside.detach(), self.outside.detach())


def squared_errors(prediction: Tensor, target: Tensor, region: Tensor) -> RegionSums:
    """Squared errors of the velocity, in float32.

    prediction, target: [batch, frames, channels, height, width]; region: 0 or 1, [batch, frames, 1, height, width].
    The loss is `errors.weighted(w) / areas.weighted(w)`: over the whole batch, however it is parted among forward
    passes and processes, so that every masked cell counts the same. (A mean of mask * error would count small holes
    less, a mean of ratios would depend on how the batch is parted.)
    """
    errors = (prediction.float() - target.float()).square()
    return RegionSums((errors * region).sum(), (errors * (1 - region)).sum())


def areas(region: Tensor, channels: int) -> RegionSums:
    """Numbers of latent values inside and outside the region [batch, frames, 1, height, width]."""
    inside = channels * region.sum()
    return RegionSums(inside, channels * torch.tensor(float(region.numel()), device=region.device) - inside)
