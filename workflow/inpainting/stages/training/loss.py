"""The v-prediction loss over the hole: squared errors and areas are kept as sums until the whole batch is known."""

from dataclasses import dataclass

import torch
from diffusers import CogVideoXDDIMScheduler
from torch import Tensor

BINS = 10
"""Number of equal timestep ranges whose losses are logged separately."""


@dataclass(frozen=True)
class RegionSums:
    """Sums of squared errors, or of numbers of values, inside and outside the loss region; both of the same shape."""

    inside: Tensor
    outside: Tensor

    def weighted(self, outside_weight: float) -> Tensor:
        """inside + outside_weight * outside, of the same shape."""
        return self.inside + outside_weight * self.outside

    def total(self) -> "RegionSums":
        """The sums over all samples or ranges of timesteps."""
        return RegionSums(self.inside.sum(), self.outside.sum())

    def by_timestep(self, timesteps: Tensor, count: int) -> "RegionSums":
        """Sums by timestep range, [BINS], of sums by sample, [batch], detached from the graph.

        timesteps: int64 [batch]; count: timesteps of the noise schedule.
        """
        ranges = timesteps * BINS // count
        inside, outside = (
            torch.zeros(BINS, device=sums.device).index_add(0, ranges, sums.detach())
            for sums in (self.inside, self.outside)
        )
        return RegionSums(inside, outside)

    def __add__(self, other: "RegionSums") -> "RegionSums":
        return RegionSums(self.inside + other.inside, self.outside + other.outside)


def squared_errors(prediction: Tensor, target: Tensor, region: Tensor) -> RegionSums:
    """Squared errors of the velocity, in float32, summed over each sample: [batch].

    prediction, target: [batch, frames, channels, height, width]; region: 0 or 1, [batch, frames, 1, height, width].
    The loss is `errors.total().weighted(w) / areas.total().weighted(w)`: over the whole batch, however it is split
    into forward passes and processes, so that every masked cell has the same weight. (A mean of mask * error would give
    small holes less weight; a mean of ratios would depend on the split.)
    """
    errors = (prediction.float() - target.float()).square()
    return RegionSums((errors * region).flatten(1).sum(1), (errors * (1 - region)).flatten(1).sum(1))


def areas(region: Tensor, channels: int) -> RegionSums:
    """Numbers of latent values [batch] inside and outside the region [batch, frames, 1, height, width]."""
    inside = channels * region.flatten(1).sum(1)
    return RegionSums(inside, channels * float(region[0].numel()) - inside)


def min_snr_weights(schedule: CogVideoXDDIMScheduler, timesteps: Tensor, gamma: float | None) -> Tensor:
    """Weights [batch] of the velocity's squared errors at timesteps [batch]: min(SNR, gamma) / (SNR + 1), or 1.

    SNR = alpha_bar / (1 - alpha_bar). The velocity's error is the truth's times SNR + 1, and Min-SNR weighs the truth's
    by min(SNR, gamma): T. Hang et al. 2023, arXiv 2303.09556.
    """
    if gamma is None:
        return torch.ones(len(timesteps), device=timesteps.device)
    alpha_bar = schedule.alphas_cumprod.to(timesteps.device)[timesteps]
    return torch.minimum(alpha_bar, gamma * (1 - alpha_bar)).float()
