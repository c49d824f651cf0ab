"""The windows of a clip through the VAE: encoded as conditions, decoded to frames, or both.

Windows come and go a batch at a time; what is kept of them lies on disk, so that memory does not grow with length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from inpainting.baselines.settings import Signal
from inpainting.conditioning import inputs
from inpainting.conditioning.inputs import Frame
from inpainting.models import vae as vae_latents
from inpainting.sampling import on_disk
from inpainting.sampling.formats import Frames
from inpainting.sampling.window_schedule import Timeline
from inpainting.video import masks
from inpainting.video.masks import Hole

OnProgress = Callable[[int], object]
"""Called after each batch with the number of windows in it."""


@dataclass(frozen=True)
class Conditions:
    """What the model is shown of each window.

    latents: [windows, latent frames, channels, height, width]; mask: shares, [windows, latent frames, 1 or 4, ...].
    """

    latents: Tensor
    mask: Tensor

    def of(self, batch: range) -> "Conditions":
        """Those of a batch of windows."""
        return Conditions(self.latents[batch.start : batch.stop], self.mask[batch.start : batch.stop])


def encode_conditions(
    vae: AutoencoderKLCogVideoX,
    filled: Frames,
    hole: Hole,
    timeline: Timeline,
    dilation: int,
    signal: Signal,
    mask_channels: int,
    at_once: int,
    on_progress: OnProgress,
) -> Conditions:
    """The conditions of a clip's windows.

    filled: the clip with its hole filled; hole: bool [frames, height, width], not dilated: it is grown by `dilation`
    pixels after the windows were padded to the model's grid, as for training; signal: see `inputs.condition_signal`.
    """
    frame = Frame(*hole.shape[1:])
    shape = len(timeline.starts), timeline.latent_frames
    latents = on_disk.tensor(*shape, vae.config.latent_channels, *frame.latent_size)
    mask = on_disk.tensor(*shape, mask_channels, *frame.latent_size)
    for batch in timeline.batches(at_once):
        holes = [masks.dilate(frame.pad(timeline.cut(hole, window)), dilation) for window in batch]
        clips = [frame.pad(timeline.cut(filled, window)) for window in batch]
        signals = [inputs.condition_signal(clip, hole, signal) for clip, hole in zip(clips, holes, strict=True)]
        latents[batch.start : batch.stop] = inputs.encode_condition(vae, torch.stack(signals)).cpu()
        mask[batch.start : batch.stop] = torch.stack([inputs.mask_channels(hole, mask_channels) for hole in holes])
        on_progress(len(batch))
    return Conditions(latents, mask)


def decode_windows(
    vae: AutoencoderKLCogVideoX,
    latents: Tensor,
    timeline: Timeline,
    size: tuple[int, int],
    at_once: int,
    on_progress: OnProgress,
) -> Iterator[Frames]:
    """The frames of each window, of latents [rows, channels, height, width]; size: (height, width) in pixels."""
    frame = Frame(*size)
    for batch in timeline.batches(at_once):
        signals = vae_latents.decode(vae, latents[timeline.rows_of(batch)])
        on_progress(len(batch))
        yield from (frame.crop(vae_latents.to_pixels(signal)) for signal in signals)


def reconstruct_windows(
    vae: AutoencoderKLCogVideoX, frames: Frames, timeline: Timeline, at_once: int
) -> Iterator[Frames]:
    """The frames of each window, through the VAE and back."""
    frame = Frame(*frames.shape[1:3])
    for batch in timeline.batches(at_once):
        signals = [vae_latents.to_signal(frame.pad(timeline.cut(frames, window))) for window in batch]
        decoded = vae_latents.decode(vae, vae_latents.encode(vae, torch.stack(signals))[0])
        yield from (frame.crop(vae_latents.to_pixels(signal)) for signal in decoded)
