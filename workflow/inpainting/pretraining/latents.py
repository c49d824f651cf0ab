"""Latents of the sample maker's clips, for the transformer to learn from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inpainting.files import atomic_path
from inpainting.pretraining.architecture import FRAMES, HEIGHT, WIDTH
from inpainting.pretraining.clips import Clip, draw_clips
from inpainting.pretraining.held_out import as_video, held_out
from inpainting.pretraining.settings import PretrainBaseCommand, PretrainBaseSettings
from inpainting.progress import Progress
from inpainting.seeds import derive

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX

SHARD = 64
"""Clips whose latents are in one file."""


def training_latents(vae: AutoencoderKLCogVideoX, settings: PretrainBaseCommand) -> Tensor:
    """Scaled latents of all training clips: float16 [clips, channels, frames, height, width].

    They are made in shards that a later run takes up again, in a folder named after the encoder's weights.
    """
    folder = settings.work / f"latents-{encoder_digest(vae)}-{settings.seed}"
    progress = Progress("latents", "clips", settings.clips, every=30)
    shards = []
    for start in range(0, settings.clips, SHARD):
        path = folder / f"{start:06d}.safetensors"
        if not path.exists():
            write_shard(path, vae, derive(settings.seed, "pretraining.base"), start)
        shards.append(load_file(path)["latents"])
        progress.step(min(SHARD, settings.clips - start))
    return torch.cat(shards)[: settings.clips]


def held_out_latents(vae: AutoencoderKLCogVideoX, settings: PretrainBaseSettings) -> Tensor:
    """Scaled latents of the held-out clips: float32 [clips, channels, frames, height, width]."""
    clips = held_out(settings.seed, settings.held_out)
    return torch.cat([encode(vae, clips[start : start + 2]) for start in range(0, len(clips), 2)])


def write_shard(path: Path, vae: AutoencoderKLCogVideoX, seed: int, start: int) -> None:
    """Make and encode SHARD clips from number `start`."""
    clips = np.stack(list(draw_clips(seed, start, SHARD, FRAMES, (WIDTH, HEIGHT), holes=False, workers=1)))
    latents = torch.cat([encode(vae, pair) for pair in np.split(clips, SHARD // 2)])
    with atomic_path(path) as temporary:
        save_file({"latents": latents.half()}, temporary)


def encoder_digest(vae: AutoencoderKLCogVideoX) -> str:
    """Names the latents that this encoder makes; the decoder has no part in it."""
    digest = hashlib.sha256()
    for name, weight in sorted(vae.encoder.state_dict().items()):
        digest.update(name.encode() + weight.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def encode(vae: AutoencoderKLCogVideoX, clips: Clip) -> Tensor:
    """uint8 [batch, frames, height, width, 3] to scaled latents [batch, channels, frames, height, width]."""
    return vae.encode(as_video(clips)).latent_dist.mode() * vae.config.scaling_factor
