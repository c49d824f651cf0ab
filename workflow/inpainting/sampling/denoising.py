"""Denoising all windows of a clip together: at every step their predictions are averaged where they overlap.

O. Bar-Tal, L. Yariv, Y. Lipman, T. Dekel: MultiDiffusion, ICML 2023, along time. What a clip needs lies in files that
the operating system keeps in memory as far as there is room, so that its length takes none of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXDPMScheduler
from torch import Tensor

from inpainting.conditioning.conditioning import Conditioning
from inpainting.sampling import on_disk
from inpainting.sampling.window_schedule import Timeline

Scheduler: TypeAlias = CogVideoXDDIMScheduler | CogVideoXDPMScheduler

Predict = Callable[[list[int], Tensor, Tensor], Tensor]
"""From windows, their noisy latents [batch, latent frames, channels, height, width] and the timestep to velocities."""


@dataclass(frozen=True)
class Known:
    """Condition latents of which a conditioning shows the model some in place of the noisy ones, at each step.

    latents: [rows, channels, height, width]; mask: [rows, 1, height, width].
    """

    conditioning: Conditioning
    latents: Tensor
    mask: Tensor


def gather_rows(timeline: Timeline, of_windows: Tensor) -> Tensor:
    """Mean by the windows' shares: from [windows, latent frames, ...] to [rows, ...]."""
    rows = on_disk.tensor(timeline.row_count, *of_windows.shape[2:])
    for window in range(len(timeline.starts)):
        _add(timeline, rows, window, of_windows[window])
    return rows


def _add(timeline: Timeline, rows: Tensor, window: int, values: Tensor) -> None:
    """Add a window's values [latent frames, ...] to its rows, by its shares."""
    share = torch.from_numpy(timeline.shares[window]).reshape(-1, *[1] * (values.ndim - 1))
    rows.index_add_(0, torch.from_numpy(timeline.rows[window]), share * values)


def denoise(
    predict: Predict,
    scheduler: Scheduler,
    timeline: Timeline,
    latents: Tensor,
    steps: int,
    generator: torch.Generator,
    at_once: int,
    known: Known | None = None,
    stepped: Callable[[int], None] = lambda windows: None,
) -> Iterator[tuple[int, Tensor]]:
    """Denoise rows of noise [rows, channels, height, width] in place; yields each step and its timestep when done.

    `at_once` windows are predicted in a batch, then `stepped` is told how many. The noise that a step needs is drawn
    row by row, so that the size of the batches changes none of it. `known` latents are put back, noised, before each
    step and as they are after the last.
    """
    scheduler.set_timesteps(steps)
    velocity, earlier = on_disk.tensor(*latents.shape), on_disk.tensor(*latents.shape)
    for number, timestep in enumerate(scheduler.timesteps):
        if known is not None:
            _put_back(known, scheduler, timestep, latents, generator)
        velocity.zero_()
        for first in range(0, len(timeline.starts), at_once):
            batch = list(range(first, min(first + at_once, len(timeline.starts))))
            predicted = predict(batch, latents[torch.from_numpy(timeline.rows[batch])], timestep).cpu()
            for window, values in zip(batch, predicted, strict=True):
                _add(timeline, velocity, window, values)
            stepped(len(batch))
        _step(scheduler, number, velocity, latents, earlier, generator)
        yield number, timestep
    if known is not None:
        for row, (latent, mask) in enumerate(zip(known.latents, known.mask, strict=True)):
            latents[row] = known.conditioning.latents(latents[row], latent, mask, lambda clean: clean)


def _put_back(
    known: Known, scheduler: Scheduler, timestep: Tensor, latents: Tensor, generator: torch.Generator
) -> None:
    def add_noise(clean: Tensor) -> Tensor:
        noise = torch.randn(clean.shape, generator=generator)
        return scheduler.add_noise(clean[None], noise[None], timestep[None])[0]

    for row, (latent, mask) in enumerate(zip(known.latents, known.mask, strict=True)):
        latents[row] = known.conditioning.latents(latents[row], latent, mask, add_noise)


def _step(
    scheduler: Scheduler, number: int, velocity: Tensor, latents: Tensor, earlier: Tensor, generator: torch.Generator
) -> None:
    """One step of the scheduler; `earlier` holds the clean latents that DPM predicted one step before."""
    timestep = scheduler.timesteps[number]
    for row in range(len(latents)):
        if isinstance(scheduler, CogVideoXDPMScheduler):
            before = (earlier[row].clone(), scheduler.timesteps[number - 1]) if number else (None, None)
            latents[row], earlier[row] = scheduler.step(
                velocity[row], before[0], timestep, before[1], latents[row], generator=generator
            )
        else:
            latents[row] = scheduler.step(velocity[row], timestep, latents[row]).prev_sample
