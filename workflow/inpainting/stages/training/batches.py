"""Training batches. A batch depends only on the seed and the step, so that a resumed run needs no random state."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.artifacts.latents import LatentCache, Window
from inpainting.conditioning import inputs
from inpainting.conditioning.mask_inputs import MaskInput
from inpainting.core import seeds
from inpainting.core.errors import InputError
from inpainting.models.family import Family
from inpainting.stages.training.augmentation import enlarged
from inpainting.stages.training.settings import AugmentationSettings, LossSettings
from inpainting.video import masks
from inpainting.video.masks import Hole


@dataclass(frozen=True)
class Batch:
    """Windows with their noise. Tensors are float32 [batch, latent frames, channels, height, width]."""

    truth: Tensor
    condition: Tensor
    mask: Tensor
    """The dilated hole as the model's mask input, see `MaskInput`."""
    region: Tensor
    """1 where errors have the full loss weight, else 0: one channel."""
    noise: Tensor
    timesteps: Tensor
    """int64 [batch]; 0 is the least noisy."""
    sequences: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "sequences"}
        return Batch(**moved, sequences=self.sequences)

    def not_finite(self) -> list[str]:
        """The sequences whose latents hold NaN or infinity."""
        finite = torch.isfinite(self.truth + self.condition).flatten(1).all(1).tolist()
        return [name for name, is_finite in zip(self.sequences, finite, strict=True) if not is_finite]


class Batches:
    """The training windows in a seeded order that changes every epoch, with seeded noise and timesteps."""

    def __init__(
        self,
        cache: LatentCache,
        loss: LossSettings,
        augmentation: AugmentationSettings,
        mask_dilation: int,
        batch_size: int,
        seed: int,
        family: Family,
        mask: MaskInput,
    ) -> None:
        self.cache, self.loss, self.augmentation, self.mask_dilation = cache, loss, augmentation, mask_dilation
        self.batch_size, self.seed, self.mask = batch_size, seed, mask
        self.geometry, self.timesteps = family.geometry, family.timesteps

    def of_step(self, step: int, rank: int, processes: int, micro_batch_size: int) -> list[Batch]:
        """One process's part of a step's batch, cut into micro-batches. All parts together are the same batch."""
        first = step * self.batch_size
        samples = range(first + rank, first + self.batch_size, processes)
        starts = range(0, len(samples), micro_batch_size)
        return [self._collate(samples[start : start + micro_batch_size]) for start in starts]

    def window_number(self, sample: int) -> int:
        """The window of a sample; samples are counted from the start of training."""
        epoch, position = divmod(sample, len(self.cache))
        return int(_order(len(self.cache), self.seed, epoch)[position])

    def _collate(self, samples: range) -> Batch:
        windows = [self._window(sample) for sample in samples]
        dilated = [masks.dilate(window.hole, self.mask_dilation) for window in windows]
        drawn = [self.draw(sample, windows[0].truth.shape) for sample in samples]
        return Batch(
            truth=torch.stack([self._truth(*pair) for pair in zip(samples, windows, strict=True)]),
            condition=torch.stack([window.condition for window in windows]).float(),
            mask=torch.stack([inputs.encode_hole(hole, self.mask, self.geometry) for hole in dilated]),
            region=torch.stack([self._region(*pair) for pair in zip(windows, dilated, strict=True)]),
            noise=torch.stack([noise for noise, _ in drawn]),
            timesteps=torch.stack([timestep for _, timestep in drawn]),
            sequences=tuple(window.sequence for window in windows),
        )

    def _window(self, sample: int) -> Window:
        """The sample's window, with its augmented hole."""
        window = self.cache[self.window_number(sample)]
        return replace(window, hole=enlarged(window.hole, self.augmentation, self.seed, sample))

    def _region(self, window: Window, dilated: Hole) -> Tensor:
        """Where errors have the full loss weight: 0 or 1, float32 [latent frames, 1, rows, columns]."""
        hole = window.hole if self.loss.region == "mask" else dilated
        space, time = self.geometry.spatial_factor, self.geometry.temporal_factor
        region = torch.from_numpy(masks.latent_any(hole, space, time))[:, None]
        if self.loss.region != "mask_and_effect":
            return region
        if window.difference is None:
            raise InputError(f"{self.cache.index}: the truths hold no differences of input and truth; encode again")
        return torch.maximum(region, (window.difference[:, None] > self.loss.effect_threshold).float())

    def _truth(self, sample: int, window: Window) -> Tensor:
        """A sample of the truth's posterior, a new one each epoch, or its mean if the cache holds no variance."""
        if window.logvar is None:
            return window.truth.float()
        generator = torch.Generator().manual_seed(seeds.derive(self.seed, "training.posterior", sample))
        spread = (window.logvar.float() / 2).exp()
        return window.truth.float() + spread * torch.randn(spread.shape, generator=generator)

    def draw(self, sample: int, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """The float32 noise [*shape] and the int64 timestep [] of a sample, counted from the start of training."""
        generator = torch.Generator().manual_seed(seeds.derive(self.seed, "training.noise", sample))
        noise = torch.randn(shape, generator=generator)
        return noise, self._timestep(generator)

    def _timestep(self, generator: torch.Generator) -> Tensor:
        if torch.rand((), generator=generator) < self.loss.high_noise_share:
            return torch.randint(self.loss.high_noise_from, self.timesteps, (), generator=generator)
        if self.loss.timestep_sampling == "logit_normal":
            logit = self.loss.logit_mean + self.loss.logit_std * torch.randn((), generator=generator)
            return (self.timesteps * logit.sigmoid()).long().clamp(max=self.timesteps - 1)
        return torch.randint(self.timesteps, (), generator=generator)


def prefetch_thread() -> ThreadPoolExecutor:
    """A thread that reads the next step's batch during the current step, with one torch thread, to leave it the cores.

    A DataLoader with one worker makes the same batches, but steps waited for it three times as long (models/nano on a
    CPU: 0.5 s in 25 steps, against 0.15 s), and its process takes 0.65 GiB.
    """
    return ThreadPoolExecutor(1, "prefetch", torch.set_num_threads, (1,))


@lru_cache(maxsize=2)
def _order(windows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng(seeds.derive(seed, "training.order", epoch)).permutation(windows)
