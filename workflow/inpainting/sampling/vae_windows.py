"""Encode and decode a clip's windows with the VAE, one batch at a time.

Results are kept on disk, so that memory does not grow with the clip's length.
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
from inpainting.models.family import Geometry
from inpainting.sampling import on_disk
from inpainting.sampling.window_schedule import WindowSchedule
from inpainting.video import masks, windows
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

OnProgress = Callable[[int], object]
"""Called after each batch with the number of windows in it."""


@dataclass(frozen=True)
class WindowConditions:
    """Condition latents and mask of a clip's windows.

    latents: [windows, window latent frames, channels, rows, columns]; mask: in 0..1, [windows, window latent frames,
    mask channels, rows, columns].
    """

    latents: Tensor
    mask: Tensor

    def batch(self, batch: range) -> "WindowConditions":
        """Those of some windows, not copied."""
        return WindowConditions(self.latents[batch.start : batch.stop], self.mask[batch.start : batch.stop])


def encode_conditions(
    vae: AutoencoderKLCogVideoX,
    filled: Frames,
    hole: Hole,
    schedule: WindowSchedule,
    padding: Padding,
    dilation: int,
    condition: ConditionSettings,
    batch_size: int,
    on_progress: OnProgress,
) -> WindowConditions:
    """Encode the conditions of a clip's windows.

    filled: the clip with its hole filled; hole: bool [frames, height, width], not dilated: it is dilated by `dilation`
    pixels after padding, as in training; batch_size: windows that are encoded together.
    """
    source, mask = condition.condition_source, condition.mask_entry
    channels = vae.config.latent_channels, mask.channels(padding.geometry)
    shape = len(schedule.starts), schedule.window_latent_frames
    conditions = WindowConditions(*(on_disk.tensor(*shape, count, *padding.latent_size) for count in channels))
    for batch in schedule.batches(batch_size):
        holes = [masks.dilate(padding.pad(schedule.cut(hole, window)), dilation) for window in batch]
        clips = [padding.pad(schedule.cut(filled, window)) for window in batch]
        tensors = [inputs.condition_tensor(clip, hole, source) for clip, hole in zip(clips, holes, strict=True)]
        encoded = conditions.batch(batch)
        encoded.latents.copy_(inputs.encode_condition(vae, torch.stack(tensors)))
        encoded.mask.copy_(torch.stack([inputs.encode_hole(hole, mask, padding.geometry) for hole in holes]))
        on_progress(len(batch))
    return conditions


def decode_windows(
    vae: AutoencoderKLCogVideoX,
    latents: Tensor,
    schedule: WindowSchedule,
    padding: Padding,
    batch_size: int,
    on_progress: OnProgress,
) -> Iterator[Frames]:
    """Decode the clip's latents, [clip latent frames, channels, rows, columns], to the frames of each window."""
    for batch in schedule.batches(batch_size):
        decoded = vae_latents.decode(vae, latents[schedule.indices_of(batch)])
        on_progress(len(batch))
        yield from (padding.crop(vae_latents.to_pixels(clip)) for clip in decoded)


def reconstruct(vae: AutoencoderKLCogVideoX, geometry: Geometry, frames: Frames, window: int, overlap: int) -> Frames:
    """Encode and decode a clip, uint8 [frames, height, width, 3], in the windows in which the pipeline inpaints it.

    Its error is, on average, the least that inpainting with this VAE can have.
    """
    schedule = WindowSchedule.plan(len(frames), window, overlap, geometry)
    padding = Padding(frames.shape[1], frames.shape[2], geometry)
    return windows.join(_rebuilt(vae, frames, schedule, padding), schedule.starts, schedule.length, len(frames))


def _rebuilt(
    vae: AutoencoderKLCogVideoX, frames: Frames, schedule: WindowSchedule, padding: Padding
) -> Iterator[Frames]:
    for batch in schedule.batches(default_batch_size(vae.device)):
        clips = [vae_latents.to_tensor(padding.pad(schedule.cut(frames, window))) for window in batch]
        decoded = vae_latents.decode(vae, vae_latents.encode(vae, torch.stack(clips))[0])
        yield from (padding.crop(vae_latents.to_pixels(clip)) for clip in decoded)


def default_batch_size(device: torch.device) -> int:
    """Windows in a batch: 2 on the CPU, where two are faster than one at a time; 1 on a GPU, to save memory."""
    return 2 if device.type == "cpu" else 1
