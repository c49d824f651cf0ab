"""The windows of a clip through the VAE: encoded as conditions, decoded to frames, or both.

Windows come and go a batch at a time; what is kept of them lies on disk, so that memory does not grow with length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLCogVideoX
from torch import Tensor

from inpainting.conditioning import inputs
from inpainting.conditioning.padding import Padding
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import vae as vae_latents
from inpainting.sampling import on_disk
from inpainting.sampling.formats import Frames
from inpainting.sampling.window_schedule import WindowSchedule
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
    schedule: WindowSchedule,
    padding: Padding,
    dilation: int,
    condition: ConditionSettings,
    at_once: int,
    on_progress: OnProgress,
) -> Conditions:
    """The conditions of a clip's windows.

    filled: the clip with its hole filled; hole: bool [frames, height, width], not dilated: it is grown by `dilation`
    pixels after the windows were padded, as for training.
    """
    source, mask = condition.condition_source, condition.mask_entry
    channels = vae.config.latent_channels, mask.channels(padding.geometry)
    shape = len(schedule.starts), schedule.latent_frames
    conditions = Conditions(*(on_disk.tensor(*shape, count, *padding.latent_size) for count in channels))
    for batch in schedule.batches(at_once):
        holes = [masks.dilate(padding.pad(schedule.cut(hole, window)), dilation) for window in batch]
        clips = [padding.pad(schedule.cut(filled, window)) for window in batch]
        shown = [inputs.condition_tensor(clip, hole, source) for clip, hole in zip(clips, holes, strict=True)]
        kept = conditions.of(batch)
        kept.latents.copy_(inputs.encode_condition(vae, torch.stack(shown)))
        kept.mask.copy_(torch.stack([inputs.encode_hole(hole, mask, padding.geometry) for hole in holes]))
        on_progress(len(batch))
    return conditions


def decode_windows(
    vae: AutoencoderKLCogVideoX,
    latents: Tensor,
    schedule: WindowSchedule,
    padding: Padding,
    at_once: int,
    on_progress: OnProgress,
) -> Iterator[Frames]:
    """The frames of each window, of latents [rows, channels, height, width]."""
    for batch in schedule.batches(at_once):
        decoded = vae_latents.decode(vae, latents[schedule.rows_of(batch)])
        on_progress(len(batch))
        yield from (padding.crop(vae_latents.to_pixels(clip)) for clip in decoded)


def reconstruct_windows(
    vae: AutoencoderKLCogVideoX, frames: Frames, schedule: WindowSchedule, padding: Padding, at_once: int
) -> Iterator[Frames]:
    """The frames of each window, through the VAE and back."""
    for batch in schedule.batches(at_once):
        clips = [vae_latents.to_tensor(padding.pad(schedule.cut(frames, window))) for window in batch]
        decoded = vae_latents.decode(vae, vae_latents.encode(vae, torch.stack(clips))[0])
        yield from (padding.crop(vae_latents.to_pixels(clip)) for clip in decoded)
