"""What pretraining's steps gain on a GPU by being replayed from a recording, in turn in one process. Needs a GPU.

    python benchmarks/recording.py      the VAE and the base of config/pretrain-nano.yaml, under a minute

Both start from fresh weights; their loss is waited for after every step, as in pretraining.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import yaml
from inpainting.pretraining import recording
from inpainting.pretraining.architecture import (
    FRAMES,
    HEIGHT,
    WIDTH,
    latent_size,
    new_transformer,
    new_vae,
    noise_scheduler,
)
from inpainting.pretraining.pretrain_base import draw_batch as draw_latents
from inpainting.pretraining.pretrain_base import train_step as train_base
from inpainting.pretraining.pretrain_vae import draw_batch as draw_clips
from inpainting.pretraining.pretrain_vae import train_step as train_vae
from inpainting.pretraining.run import Run
from inpainting.pretraining.settings import PretrainBaseSettings, PretrainVaeSettings

CONFIG = Path(__file__).parent.parent / "config" / "pretrain-nano.yaml"
STEPS = 10


def vae_step(settings: PretrainVaeSettings, folder: Path) -> Callable[[], float]:
    """A step of a fresh VAE on crops of 9 frames."""
    settings = settings.model_copy(update={"image_steps": 0})
    scale = settings.clip_scale
    pool = torch.randint(256, (4, FRAMES, scale * HEIGHT, scale * WIDTH, 3), dtype=torch.uint8).numpy()
    run = Run(new_vae(settings).cuda(), settings.rate, folder, decay=0.99)
    return partial(train_vae, run, settings, draw_clips(settings, pool, 0))


def base_step(settings: PretrainBaseSettings, latent_channels: int, folder: Path) -> Callable[[], float]:
    """A step of a fresh transformer."""
    latents = torch.randn(settings.batch, latent_channels, *latent_size(FRAMES, (WIDTH, HEIGHT)))
    run = Run(new_transformer(settings, latent_channels).cuda(), settings.rate, folder, decay=0.99)
    return partial(train_base, run, settings, noise_scheduler(), draw_latents(settings, latents, 0))


def seconds(step: Callable[[], float]) -> float:
    """Median wall seconds of a step; it ends with its loss on the CPU."""
    taken = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Print seconds a step and the ratio, for the VAE and the base."""
    if not torch.cuda.is_available():
        sys.exit("a recording is replayed on a GPU alone, and torch finds none here")
    asked = yaml.safe_load(CONFIG.read_text())
    vae, base = PretrainVaeSettings(**asked["vae"]), PretrainBaseSettings(**asked["base"])
    recorded_from = recording.UNRECORDED
    with tempfile.TemporaryDirectory() as name:
        for what, make in (
            ("VAE", partial(vae_step, vae, Path(name))),
            ("base", partial(base_step, base, vae.latent_channels, Path(name))),
        ):
            taken = {}
            for how, unrecorded in (("launched", sys.maxsize), ("replayed", recorded_from)):
                recording.UNRECORDED = unrecorded
                step = make()
                for _ in range(recorded_from + 1):
                    step()
                taken[how] = seconds(step)
            ratio = taken["launched"] / taken["replayed"]
            print(
                f"{what}: launched {taken['launched']:.4f} s, replayed {taken['replayed']:.4f} s a step, {ratio:.1f} x"
            )


if __name__ == "__main__":
    main()
