"""Batches by number: what a step trains on depends on the seed and the step alone, so resuming replays nothing."""

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
    """Windows with the noise to be added to them. Tensors are [batch, latent frames, channels, height, width]."""

    truth: Tensor
    condition: Tensor
    mask: Tensor
    """The (dilated) hole as the model is shown it: see `MaskInput`."""
    region: Tensor
    """1 where the loss counts in full, else 0: one channel."""
    noise: Tensor
    timesteps: Tensor
    """int64 [batch], from 0, the least noisy."""
    sequences: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "sequences"}
        return Batch(**moved, sequences=self.sequences)


class Batches:
    """The training windows in a seeded order, a new one each epoch, with seeded noise and timesteps."""

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
        """The part of one process in a step's batch, cut into forward passes. Together the parts are the same batch."""
        first = step * self.batch_size
        samples = range(first + rank, first + self.batch_size, processes)
        starts = range(0, len(samples), micro_batch_size)
        return [self._collate(samples[start : start + micro_batch_size]) for start in starts]

    def window_number(self, sample: int) -> int:
        """Which window the sample, counted from the start of training, shows."""
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
        """The sample's window, with the hole that it is trained with."""
        window = self.cache[self.window_number(sample)]
        return replace(window, hole=enlarged(window.hole, self.augmentation, self.seed, sample))

    def _region(self, window: Window, dilated: Hole) -> Tensor:
        """Where the loss counts in full: 0 or 1, float32 [latent frames, 1, rows, columns]."""
        hole = window.hole if self.loss.region == "mask" else dilated
        space, time = self.geometry.spatial_factor, self.geometry.temporal_factor
        region = torch.from_numpy(masks.latent_any(hole, space, time))[:, None]
        if self.loss.region != "mask_and_effect":
            return region
        if window.difference is None:
            raise InputError(f"{self.cache.index}: the truths hold no differences of input and truth; encode again")
        return torch.maximum(region, (window.difference[:, None] > self.loss.effect_threshold).float())

    def _truth(self, sample: int, window: Window) -> Tensor:
        """The mean of the truth's posterior or, where its spread was kept, a sample of it, another one each epoch."""
        if window.logvar is None:
            return window.truth.float()
        generator = torch.Generator().manual_seed(seeds.derive(self.seed, "training.posterior", sample))
        spread = (window.logvar.float() / 2).exp()
        return window.truth.float() + spread * torch.randn(spread.shape, generator=generator)

    def draw(self, sample: int, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """The float32 noise, of a shape, and the int64 timestep of a sample, counted from the start of training."""
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


def reading_thread() -> ThreadPoolExecutor:
    """A thread that reads the next step's batch while the current one is computed.

    It has one thread of arithmetic: a second team of torch's beside the step's would take the cores from it.
    """
    return ThreadPoolExecutor(1, "read-ahead", torch.set_num_threads, (1,))


@lru_cache(maxsize=2)
def _order(windows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng(seeds.derive(seed, "training.order", epoch)).permutation(windows)
