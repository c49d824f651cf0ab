"""Denoising steps on the latents of a whole clip, whose windows are denoised together.

At every step the predictions of all windows are averaged where the windows overlap: MultiDiffusion (O. Bar-Tal,
L. Yariv, Y. Lipman, T. Dekel, ICML 2023) along time. The clip's latents are [clip latent frames, channels, rows,
columns], on disk (see `on_disk`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXDPMScheduler
from torch import Tensor

from inpainting.conditioning.conditioning import Conditioning
from inpainting.sampling import on_disk
from inpainting.sampling.vae_windows import OnProgress, WindowConditions
from inpainting.sampling.window_schedule import WindowSchedule

Scheduler: TypeAlias = CogVideoXDDIMScheduler | CogVideoXDPMScheduler

Predict: TypeAlias = Callable[[Tensor, WindowConditions, Tensor], Tensor]
"""Predicts the velocities of a batch of noisy windows, with their conditions, at a timestep."""


def blend_windows(schedule: WindowSchedule, window_values: Tensor) -> Tensor:
    """Weighted mean of overlapping windows: [windows, window latent frames, ...] to [clip latent frames, ...]."""
    clip_values = on_disk.tensor(schedule.clip_latent_frames, *window_values.shape[2:])
    add_weighted_windows(schedule, clip_values, range(len(window_values)), window_values)
    return clip_values


def add_weighted_windows(schedule: WindowSchedule, clip_values: Tensor, batch: range, window_values: Tensor) -> None:
    """Add a batch of windows, multiplied by their blend weights, to the clip's latent frames; in place.

    clip_values: [clip latent frames, ...]; batch: the windows' numbers; window_values: [batch, window latent frames,
    ...].
    """
    for window, values in zip(batch, window_values, strict=True):
        weight = torch.from_numpy(schedule.weights[window]).reshape(-1, *[1] * (values.ndim - 1))
        clip_values.index_add_(0, torch.from_numpy(schedule.indices[window]), weight * values)


@dataclass(frozen=True)
class KnownLatents:
    """Condition latents that replace the noisy ones outside the hole at each step, with `conditioning: replace`.

    latents: [clip latent frames, channels, rows, columns]; mask: [clip latent frames, 1, rows, columns].
    """

    conditioning: Conditioning
    latents: Tensor
    mask: Tensor

    @classmethod
    def from_windows(
        cls, schedule: WindowSchedule, conditioning: Conditioning, latents: Tensor, mask: Tensor
    ) -> "KnownLatents | None":
        """From windows, [windows, window latent frames, ...]; None if the conditioning replaces no latents."""
        if not conditioning.replaces:
            return None
        return cls(conditioning, blend_windows(schedule, latents), blend_windows(schedule, mask))

    def replace_in(self, noisy_latents: Tensor, add_noise: Callable[[Tensor], Tensor] = lambda clean: clean) -> None:
        """Replace latents outside the hole, in place; add_noise: adds the step's noise to one clean latent frame."""
        for index, (latents, mask) in enumerate(zip(self.latents, self.mask, strict=True)):
            noisy_latents[index] = self.conditioning.noisy_input(noisy_latents[index], latents, mask, add_noise)


def initial_latents(shape: tuple[int, ...], given: Tensor | None, generator: torch.Generator | None) -> Tensor:
    """The given latents, [1, *shape], or noise, drawn one latent frame at a time: of `shape`, on disk."""
    latents = on_disk.tensor(*shape)
    for index in range(len(latents)):
        latents[index] = torch.randn(shape[1:], generator=generator) if given is None else given[0, index]
    return latents


class LatentFrameScheduler:
    """A scheduler's steps, one latent frame at a time, so that its noise does not depend on the batches of windows."""

    def __init__(self, scheduler: Scheduler, steps: int) -> None:
        scheduler.set_timesteps(steps)
        self.scheduler = scheduler
        self.previous_clean: Tensor | None = None
        """The clean latents that DPM predicted in the previous step, which its next step takes."""

    def add_noise(self, step: int, generator: torch.Generator | None, clean: Tensor) -> Tensor:
        """Add the noise of the timestep of `step` to a clean latent frame, [channels, rows, columns]."""
        noise = torch.randn(clean.shape, generator=generator)
        return self.scheduler.add_noise(clean[None], noise[None], self.scheduler.timesteps[step][None])[0]

    def step(self, step: int, velocity: Tensor, latents: Tensor, generator: torch.Generator | None) -> None:
        """Denoise the clip's latents [latent frames, channels, rows, columns] by one step, in place.

        velocity: predicted by the model, of the same shape.
        """
        timestep = self.scheduler.timesteps[step]
        if not isinstance(self.scheduler, CogVideoXDPMScheduler):
            for index in range(len(latents)):
                latents[index] = self.scheduler.step(velocity[index], timestep, latents[index]).prev_sample
            return
        previous_timestep = self.scheduler.timesteps[step - 1] if step else None
        if self.previous_clean is None:
            self.previous_clean = on_disk.tensor(*latents.shape)
        for index in range(len(latents)):
            clean = self.previous_clean[index].clone() if step else None
            latents[index], self.previous_clean[index] = self.scheduler.step(
                velocity[index], clean, timestep, previous_timestep, latents[index], generator=generator
            )


class ClipDenoising:
    """The denoising of a clip's latents, in place; no step holds more than a batch of windows in memory.

    known: replaces the latents outside the hole before each step, if it is given; batch_size: windows in a batch.
    """

    def __init__(
        self,
        latents: Tensor,
        schedule: WindowSchedule,
        conditions: WindowConditions,
        known: KnownLatents | None,
        scheduler: LatentFrameScheduler,
        generator: torch.Generator | None,
        batch_size: int,
    ) -> None:
        self.latents, self.schedule, self.conditions, self.known = latents, schedule, conditions, known
        self.scheduler, self.generator, self.batch_size = scheduler, generator, batch_size
        self.velocity = on_disk.tensor(*latents.shape)

    def step(self, step: int, predict: Predict, on_progress: OnProgress) -> None:
        """Denoise by one step: the windows' predicted velocities are averaged where windows overlap."""
        if self.known is not None:
            self.known.replace_in(self.latents, partial(self.scheduler.add_noise, step, self.generator))
        self.velocity.zero_()
        timestep = self.scheduler.scheduler.timesteps[step]
        for batch in self.schedule.batches(self.batch_size):
            noisy_latents = self.latents[self.schedule.indices_of(batch)]
            predicted = predict(noisy_latents, self.conditions.batch(batch), timestep)
            add_weighted_windows(self.schedule, self.velocity, batch, predicted)
            on_progress(len(batch))
        self.scheduler.step(step, self.velocity, self.latents, self.generator)

    def restore_known(self) -> None:
        """Put the known latents, without noise, in place of those outside the hole."""
        if self.known is not None:
            self.known.replace_in(self.latents)
