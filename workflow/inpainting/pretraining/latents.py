"""Latents of the sample maker's clips, for the transformer to learn from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inpainting.core.files import atomic_path
from inpainting.core.progress import Progress
from inpainting.core.seeds import derive
from inpainting.pretraining.architecture import FRAMES, HEIGHT, WIDTH
from inpainting.pretraining.clips import Clip, ClipPlan, clip_pool, further_photographs
from inpainting.pretraining.held_out import as_video, held_out
from inpainting.pretraining.settings import PretrainBaseCommand, PretrainBaseSettings

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX

SHARD = 64
"""Clips whose latents are in one file."""


def training_latents(vae: AutoencoderKLCogVideoX, settings: PretrainBaseCommand) -> Tensor:
    """Scaled latents of all training clips: float16 [clips, channels, frames, height, width].

    They are made in shards that a later run takes up again, in a folder named after the encoder and the clips.
    """
    photographs = further_photographs(settings.photographs)
    seed = derive(settings.seed, "pretraining.base")
    plan = ClipPlan(seed, FRAMES, (WIDTH, HEIGHT), False, photographs, settings.dynamic_share)
    pool = clip_pool(settings.work, plan, settings.clips, settings.threads)
    folder = settings.work / f"latents-{encoder_digest(vae)}-{plan.digest[:12]}"
    progress = Progress("latents", "clips", settings.clips, every=30)
    shards = []
    for start in range(0, settings.clips, SHARD):
        count = min(SHARD, settings.clips - start)
        path = folder / f"{start:06d}-{start + count:06d}.safetensors"
        if not path.exists():
            write_shard(path, vae, np.array(pool[start : start + count]))
        shards.append(load_file(path)["latents"])
        progress.step(count)
    return torch.cat(shards)


def held_out_latents(vae: AutoencoderKLCogVideoX, settings: PretrainBaseSettings) -> Tensor:
    """Scaled latents of the held-out clips: float32 [clips, channels, frames, height, width]."""
    return encode(vae, held_out(settings.seed, settings.held_out))


def write_shard(path: Path, vae: AutoencoderKLCogVideoX, clips: Clip) -> None:
    """Encode clips and write their latents, in float16."""
    with atomic_path(path) as temporary:
        save_file({"latents": encode(vae, clips).half()}, temporary)


def encoder_digest(vae: AutoencoderKLCogVideoX) -> str:
    """Names the latents that this encoder makes; the decoder has no part in it."""
    digest = hashlib.sha256()
    for name, weight in sorted(vae.encoder.state_dict().items()):
        digest.update(name.encode() + weight.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def encode(vae: AutoencoderKLCogVideoX, clips: Clip) -> Tensor:
    """uint8 [clips, frames, height, width, 3] to scaled latents [clips, channels, frames, height, width]."""
    latents = [vae.encode(part.to(vae.device)).latent_dist.mode().cpu() for part in as_video(clips).split(8)]
    return (torch.cat(latents) * vae.config.scaling_factor).contiguous()
