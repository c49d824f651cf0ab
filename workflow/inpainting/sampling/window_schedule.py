"""The windows of a clip, and the latent frames that they share, so that they can be denoised together.

The VAE encodes a window's first frame as a latent frame of its own and every `stride` further frames (four for
CogVideoX) as one. Windows whose starts differ by multiples of `stride` therefore share latent frames: latent frame
i > 0 of a window that starts at frame m * stride is latent frame m + i of the clip. The first latent frame of a window
holds one frame instead of `stride`, so it is not shared.
"""

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
"""Whether overlapping windows are blended at each denoising step, or only after decoding."""


@dataclass(frozen=True)
class WindowSchedule:
    """A clip's windows, and for each of them its latent frames among those of the clip.

    frames: number of frames of the clip; length: frames of each window; starts: the windows' first frames; stride:
    frames per latent frame, except a window's first; blend: whether windows share latent frames ("latents") or each
    has its own ("pixels").
    """

    frames: int
    length: int
    starts: tuple[int, ...]
    stride: int
    blend: Blend

    @classmethod
    def plan(cls, frames: int, window: int, overlap: int, geometry: Geometry, blend: Blend = "latents") -> Self:
        """The fewest even windows of `window` frames that cover a clip and overlap by `overlap` frames or more."""
        length, stride = geometry.padded_frames(frames, window), geometry.temporal_factor
        if blend == "pixels":
            return cls(frames, length, tuple(windows.plan(frames, window, overlap)), stride, blend)
        return cls(frames, length, tuple(windows.plan_shared(frames, window, overlap, stride)), stride, blend)

    @property
    def window_latent_frames(self) -> int:
        """Number of latent frames of a window."""
        return (self.length - 1) // self.stride + 1

    @cached_property
    def indices(self) -> NDArray[np.int64]:
        """Index of each window's latent frames among the clip's: int64 [windows, window latent frames]."""
        indices = np.empty((len(self.starts), self.window_latent_frames), np.int64)
        known_index: dict[int, int] = {}
        count = 0
        for window, start in enumerate(self.starts):
            for position in range(self.window_latent_frames):
                shared = start // self.stride + position
                known = known_index.get(shared) if self.blend == "latents" and position else None
                indices[window, position] = count if known is None else known
                count += known is None
                if position:
                    known_index.setdefault(shared, int(indices[window, position]))
        return indices

    @property
    def clip_latent_frames(self) -> int:
        """Number of latent frames of the clip, which includes the first of each window."""
        return int(self.indices.max()) + 1

    def batches(self, batch_size: int) -> list[range]:
        """The windows' numbers in batches of `batch_size`; the last batch may be smaller."""
        count = len(self.starts)
        return [range(first, min(first + batch_size, count)) for first in range(0, count, batch_size)]

    def indices_of(self, batch: range) -> Tensor:
        """`indices` of a batch of windows: int64 [batch, window latent frames]."""
        return torch.from_numpy(self.indices[batch.start : batch.stop])

    def cut(self, clip: NDArray[windows.Scalar], window: int) -> NDArray[windows.Scalar]:
        """A window of a clip [frames, ...]; past the clip's end its last frame is repeated."""
        start = self.starts[window]
        return windows.pad(clip[start : start + self.length], self.length)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Blend weights of each window's latent frames: float32 [windows, window latent frames].

        They fall linearly towards the window's ends; over all windows the weights of a latent frame sum to 1.
        """
        position = np.arange(self.window_latent_frames)
        ramp = np.minimum(position, self.window_latent_frames - position).astype(np.float32)
        ramp[0] = 1
        total = np.zeros(self.clip_latent_frames, np.float32)
        np.add.at(total, self.indices, np.broadcast_to(ramp, self.indices.shape))
        return ramp / total[self.indices]
