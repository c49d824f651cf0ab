"""Clips that no training sees, and how well the VAE gives them back."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from inpainting.core.seeds import derive
from inpainting.pretraining.architecture import FRAMES, HEIGHT, WIDTH
from inpainting.pretraining.clips import Clip, ClipPlan, draw_clips
from inpainting.pretraining.settings import PretrainBaseSettings, PretrainVaeSettings

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX


@functools.lru_cache(maxsize=2)
def held_out(seed: int, count: int) -> Clip:
    """Whole clips that no training sees: uint8 [count, FRAMES, HEIGHT, WIDTH, 3]."""
    plan = ClipPlan(derive(seed, "pretraining.held-out"), FRAMES, (WIDTH, HEIGHT), holes=False)
    return np.stack(list(draw_clips(plan, 0, count, workers=1)))


@torch.no_grad()
def held_out_psnr(vae: AutoencoderKLCogVideoX, settings: PretrainVaeSettings | PretrainBaseSettings) -> float:
    """Mean PSNR in dB of held-out clips through the VAE."""
    scores: list[float] = []
    for clips in as_video(held_out(settings.seed, settings.held_out // 4)).to(vae.device).split(2):
        decoded = vae.decode(vae.encode(clips).latent_dist.mode()).sample.clamp(-1, 1)
        errors = ((decoded - clips) / 2).square().mean(dim=(1, 2, 3, 4))
        scores += [-10 * math.log10(error) for error in errors.tolist()]
    return float(np.mean(scores))


def as_video(clips: Clip | Tensor) -> Tensor:
    """uint8 [batch, frames, height, width, 3] as float [batch, 3, frames, height, width] in [-1, 1]."""
    pixels = clips if isinstance(clips, Tensor) else torch.from_numpy(np.ascontiguousarray(clips))
    video = pixels.permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1)
    return video.contiguous(memory_format=torch.channels_last_3d)
