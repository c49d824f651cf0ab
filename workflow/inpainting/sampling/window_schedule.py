"""Which latent frames the windows of a clip share, so that they can be denoised as one.

The VAE turns a window's first frame into a latent frame of its own and the others into one for every `stride` (four for
CogVideoX). Windows that start a multiple of `stride` frames apart therefore lie on one grid: latent frame i > 0 of a
window that starts at frame m * stride is latent frame m + i of the whole clip. The first latent frame of a window is
made of one frame where the grid's is made of `stride`, so it is the window's own.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.models.family import Geometry
from inpainting.video import windows

Blend = Literal["latents", "pixels"]
"""What overlapping windows have in common: each denoising step, or only the frames that were made of them."""


@dataclass(frozen=True)
class WindowSchedule:
    """A clip's windows and the latent frames, called rows, that they are denoised in.

    frames: of the clip; length: of each window; starts: the windows' first frames; stride: frames in a latent frame,
    but for a window's first; blend: whether rows are shared ("latents") or every window has its own ("pixels").
    """

    frames: int
    length: int
    starts: tuple[int, ...]
    stride: int
    blend: Blend

    @classmethod
    def plan(cls, frames: int, window: int, overlap: int, geometry: Geometry, blend: Blend = "latents") -> Self:
        """The fewest evenly spread windows of `window` frames that cover a clip and share at least `overlap`."""
        length, stride = geometry.padded_frames(frames, window), geometry.temporal_factor
        if blend == "pixels" or window == 1 or frames <= window:
            return cls(frames, length, tuple(windows.plan(frames, window, overlap)), stride, blend)
        groups, in_window = math.ceil((frames - 1) / stride), (window - 1) // stride
        shared = min(math.ceil(max(overlap - 1, 0) / stride), in_window - 1)
        starts = windows.plan(groups, in_window, shared)
        return cls(frames, length, tuple(stride * start for start in starts), stride, blend)

    @property
    def latent_frames(self) -> int:
        """Latent frames of a window."""
        return (self.length - 1) // self.stride + 1

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The row of each window's latent frames: [windows, latent frames]; a row is new or an earlier window's."""
        rows = np.empty((len(self.starts), self.latent_frames), np.int64)
        on_grid: dict[int, int] = {}
        count = 0
        for window, start in enumerate(self.starts):
            for position in range(self.latent_frames):
                cell = start // self.stride + position
                known = on_grid.get(cell) if self.blend == "latents" and position else None
                rows[window, position] = count if known is None else known
                count += known is None
                if position:
                    on_grid.setdefault(cell, int(rows[window, position]))
        return rows

    @property
    def row_count(self) -> int:
        """Rows in all."""
        return int(self.rows.max()) + 1

    def batches(self, at_once: int) -> list[range]:
        """The windows by number, `at_once` in a batch, the last one perhaps with fewer."""
        count = len(self.starts)
        return [range(first, min(first + at_once, count)) for first in range(0, count, at_once)]

    def rows_of(self, batch: range) -> Tensor:
        """The rows of a batch of windows: int64 [batch, latent frames]."""
        return torch.from_numpy(self.rows[batch.start : batch.stop])

    def cut(self, clip: NDArray[windows.Scalar], window: int) -> NDArray[windows.Scalar]:
        """A window of a clip [frames, ...]; the last frame is repeated where the clip ends."""
        start = self.starts[window]
        return windows.pad(clip[start : start + self.length], self.length)

    @cached_property
    def shares(self) -> NDArray[np.float32]:
        """The share that each window has in its rows: float32 [windows, latent frames].

        It falls linearly to the window's ends, and a row's shares sum to 1.
        """
        position = np.arange(self.latent_frames)
        ramp = np.minimum(position, self.latent_frames - position).astype(np.float32)
        ramp[0] = 1
        total = np.zeros(self.row_count, np.float32)
        np.add.at(total, self.rows, np.broadcast_to(ramp, self.rows.shape))
        return ramp / total[self.rows]
