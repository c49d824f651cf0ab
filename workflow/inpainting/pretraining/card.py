"""Put the nano model's folder together: weights, configs, samples to look at, and a model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import diffusers
import numpy as np
import torch

from inpainting.core.files import atomic_path, write_json, write_text
from inpainting.pretraining.architecture import FRAMES, HEIGHT, WIDTH, empty_prompt, latent_size
from inpainting.pretraining.clips import Clip
from inpainting.pretraining.held_out import held_out_psnr
from inpainting.pretraining.run import generator
from inpainting.pretraining.settings import PretrainBaseCommand

if TYPE_CHECKING:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

SAMPLES = 8
SAMPLING_STEPS = 25
SHOWN_FRAMES = (0, 8, 16)

CARD = """\
---
license: apache-2.0
library_name: diffusers
---
# nano CogVideoX

A CogVideoX of the real one's classes and structure, {megabytes:.1f} MB in all, for the demo and the tests of this
project: two CPU cores can fine-tune it. It knows moving pictures of {width} x {height} pixels and {frames} frames in
general; it has no text encoder (its prompt is zeros) and is of no use beyond this project.

| part | class | what | weights |
|---|---|---|---|
| vae | AutoencoderKLCogVideoX | 8x in space, 4x in time, {latents} channels, blocks {channels} | {vae_size:.2f} M |
| transformer | CogVideoXTransformer3DModel | {heads} x {head_width} wide, {layers} deep, patch 2 | {base_size:.2f} M |
| scheduler | CogVideoXDDIMScheduler | CogVideoX-2b's: v-prediction, zero terminal SNR, SNR shift 3 | |

The weights are stored in float16; load them in float32 (`torch_dtype=torch.float32`).

## How it was made

`make pretrain`, with config/pretrain-nano.yaml. The data are made by the project's own
`inpaint sample`: photographs that scikit-image ships and procedural textures under a moving camera, with moving objects
and shadows. No video was used. Muon and AdamW, cosine schedules, an average of the weights.

## What was measured

Held-out sample sequences, other seeds than the training's:

- VAE: {psnr:.2f} dB PSNR
- base: {errors}

How the base's velocity error fell:

{curve}

`samples.png`: unconditional samples, {steps} steps, frames {shown}.

## Licences

Apache-2.0, as the project. The photographs come inside scikit-image's wheel (BSD-3-Clause), whose documentation
says of them: public domain: astronaut and hubble_deep_field (NASA), rocket (SpaceX), clock_motion (Stefan van der
Walt); CC0: camera (Lav Varshney), chelsea (Stefan van der Walt), coffee (Rachel Michetti), retina, and from
CC0Textures brick, grass, gravel; no known copyright restrictions: coins (Brooklyn Museum), ihc. It names no licence
of their own for moon, and for motorcycle_left and motorcycle_right, which are from the Middlebury 2014 stereo
benchmark (Scharstein et al., GCPR 2014).
"""


def assemble(
    vae: AutoencoderKLCogVideoX,
    transformer: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler,
    settings: PretrainBaseCommand,
    curve: list[dict[str, Any]],
) -> None:
    """Write the model's folder to `settings.out` in diffusers' layout, weights in float16, and the card beside them."""
    samples = sample_clips(vae, transformer, scheduler, settings.seed)
    psnr = held_out_psnr(vae, settings)
    vae.register_to_config(_name_or_path="")
    with atomic_path(settings.out) as folder:
        folder.mkdir()
        vae.half().save_pretrained(folder / "vae")
        transformer.half().save_pretrained(folder / "transformer")
        scheduler.save_pretrained(folder / "scheduler")
        write_json(folder / "model_index.json", model_index())
        write_sheet(folder / "samples.png", samples)
        megabytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        write_text(folder / "README.md", card(vae, transformer, curve, psnr, megabytes))
    vae.float()
    transformer.float()


def model_index() -> dict[str, Any]:
    """What tells diffusers which classes the folders hold; there is no text encoder."""
    return {
        "_class_name": "CogVideoXPipeline",
        "_diffusers_version": diffusers.__version__,
        "scheduler": ["diffusers", "CogVideoXDDIMScheduler"],
        "text_encoder": [None, None],
        "tokenizer": [None, None],
        "transformer": ["diffusers", "CogVideoXTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLCogVideoX"],
    }


@torch.no_grad()
def sample_clips(
    vae: AutoencoderKLCogVideoX,
    transformer: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler,
    seed: int,
) -> Clip:
    """Unconditional samples: uint8 [SAMPLES, FRAMES, HEIGHT, WIDTH, 3]."""
    shape = (SAMPLES, vae.config.latent_channels, *latent_size(FRAMES, (WIDTH, HEIGHT)))
    latents = torch.randn(shape, generator=generator(seed, "pretraining.samples", 0)).to(vae.device)
    prompt = empty_prompt(SAMPLES, vae.device)
    scheduler.set_timesteps(SAMPLING_STEPS)
    for time in scheduler.timesteps:
        times = torch.full((SAMPLES,), int(time), device=vae.device)
        velocity = transformer(latents.transpose(1, 2), prompt, times, return_dict=False)[0]
        latents = scheduler.step(velocity.transpose(1, 2), time, latents, return_dict=False)[0]
    pairs = (latents / vae.config.scaling_factor).split(2)
    video = torch.cat([vae.decode(pair).sample for pair in pairs]).clamp(-1, 1)
    return ((video + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()


def write_sheet(path: Path, clips: Clip) -> None:
    """Four rows; in each, clips side by side, each with three frames."""
    shown = clips[:, list(SHOWN_FRAMES)]
    strips = [np.concatenate(list(clip), axis=1) for clip in shown]
    columns = [np.concatenate(strips[start : start + 4]) for start in range(0, len(strips), 4)]
    cv2.imwrite(str(path), np.concatenate(columns, axis=1)[..., ::-1])


def card(
    vae: AutoencoderKLCogVideoX,
    transformer: CogVideoXTransformer3DModel,
    curve: list[dict[str, Any]],
    psnr: float,
    megabytes: float,
) -> str:
    """The model card."""
    scores = [name for name in curve[-1] if name.startswith("t")]
    last = ", ".join(f"{curve[-1][name]:.3f} at t = {name[1:]}" for name in scores)
    shown = curve[:: max(1, len(curve) // 8)]
    rows = [shown[:-1] if shown[-1] is curve[-1] else shown, [curve[-1]]]
    table = ["| step | " + " | ".join(f"t = {name[1:]}" for name in scores) + " |", "|" + "---|" * (len(scores) + 1)]
    for entry in [*rows[0], *rows[1]]:
        table.append(f"| {entry['step']:,} | " + " | ".join(f"{entry[name]:.3f}" for name in scores) + " |")
    return CARD.format(
        megabytes=megabytes,
        width=WIDTH,
        height=HEIGHT,
        frames=FRAMES,
        latents=vae.config.latent_channels,
        channels=", ".join(map(str, vae.config.block_out_channels)),
        vae_size=sum(weight.numel() for weight in vae.parameters()) / 1e6,
        base_size=sum(weight.numel() for weight in transformer.parameters()) / 1e6,
        heads=transformer.config.num_attention_heads,
        head_width=transformer.config.attention_head_dim,
        layers=transformer.config.num_layers,
        psnr=psnr,
        errors="mean squared error of the velocity " + last,
        curve="\n".join(table),
        steps=SAMPLING_STEPS,
        shown=", ".join(map(str, SHOWN_FRAMES)),
    )
