"""Denoising steps on the latents of a whole clip, whose windows are denoised together.

At every step the predictions of all windows are averaged where the windows overlap (O. Bar-Tal, L. Yariv, Y. Lipman,
T. Dekel: MultiDiffusion, ICML 2023, along time). Latents are [rows, channels, height, width], on disk (see `on_disk`);
a row is a latent frame of the clip.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXDPMScheduler
from torch import Tensor

from inpainting.conditioning.conditioning import Conditioning
from inpainting.sampling import on_disk
from inpainting.sampling.window_schedule import WindowSchedule

Scheduler: TypeAlias = CogVideoXDDIMScheduler | CogVideoXDPMScheduler


def gather_rows(schedule: WindowSchedule, of_windows: Tensor) -> Tensor:
    """Mean over the windows that share a row, by their shares: from [windows, latent frames, ...] to [rows, ...]."""
    rows = on_disk.tensor(schedule.row_count, *of_windows.shape[2:])
    add_windows(schedule, rows, range(len(of_windows)), of_windows)
    return rows


def add_windows(schedule: WindowSchedule, rows: Tensor, batch: range, of_windows: Tensor) -> None:
    """Add the values of a batch of windows, [batch, latent frames, ...], to their rows, by the windows' shares."""
    for window, values in zip(batch, of_windows, strict=True):
        share = torch.from_numpy(schedule.shares[window]).reshape(-1, *[1] * (values.ndim - 1))
        rows.index_add_(0, torch.from_numpy(schedule.rows[window]), share * values)


@dataclass(frozen=True)
class Known:
    """Condition latents of which a conditioning shows the model some in place of the noisy ones, at each step.

    latents: [rows, channels, height, width]; mask: [rows, 1, height, width].
    """

    conditioning: Conditioning
    latents: Tensor
    mask: Tensor

    @classmethod
    def of(cls, schedule: WindowSchedule, conditioning: Conditioning, latents: Tensor, mask: Tensor) -> "Known | None":
        """Of what windows are shown, [windows, latent frames, ...]; None where the conditioning replaces nothing."""
        if not conditioning.replaces:
            return None
        return cls(conditioning, gather_rows(schedule, latents), gather_rows(schedule, mask))

    def put_back(self, noisy: Tensor, add_noise: Callable[[Tensor], Tensor] = lambda clean: clean) -> None:
        """Put them into noisy latents, in place; add_noise: gives them the noise that these have, row by row."""
        for row, (latent, mask) in enumerate(zip(self.latents, self.mask, strict=True)):
            noisy[row] = self.conditioning.noisy_input(noisy[row], latent, mask, add_noise)


class RowScheduler:
    """A scheduler's steps, row by row, so that the noise that they draw does not depend on how windows are batched."""

    def __init__(self, scheduler: Scheduler, steps: int) -> None:
        scheduler.set_timesteps(steps)
        self.scheduler = scheduler
        self.earlier: Tensor | None = None
        """The clean latents that DPM predicted one step before."""

    def add_noise(self, number: int, generator: torch.Generator | None, clean: Tensor) -> Tensor:
        """A row's clean latents, as noisy as the row is before step `number`."""
        noise = torch.randn(clean.shape, generator=generator)
        return self.scheduler.add_noise(clean[None], noise[None], self.scheduler.timesteps[number][None])[0]

    def step(self, number: int, velocity: Tensor, latents: Tensor, generator: torch.Generator | None) -> None:
        """Take step `number` of the latents, in place, by the predicted velocities of the same shape."""
        timestep = self.scheduler.timesteps[number]
        if not isinstance(self.scheduler, CogVideoXDPMScheduler):
            for row in range(len(latents)):
                latents[row] = self.scheduler.step(velocity[row], timestep, latents[row]).prev_sample
            return
        before = self.scheduler.timesteps[number - 1] if number else None
        if self.earlier is None:
            self.earlier = on_disk.tensor(*latents.shape)
        for row in range(len(latents)):
            clean = self.earlier[row].clone() if number else None
            latents[row], self.earlier[row] = self.scheduler.step(
                velocity[row], clean, timestep, before, latents[row], generator=generator
            )
