"""Time to read a training batch from the cached latents, compared with decoding the PNGs they were made from.

    python benchmarks/sampling.py

Measured for windows of 49 frames of 640x480; its share of a training step, at the demo's size.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from inpainting.artifacts.latent_index import LATENT_INDEX
from inpainting.artifacts.latents import LatentCache, shard_digest, write_shard
from inpainting.baselines.settings import ConditionSource
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import bases, loading, lora
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import LoraSettings
from inpainting.models.widening import widen_patch_embedding
from inpainting.stages.training.batches import Batches
from inpainting.stages.training.settings import AugmentationSettings, LossSettings
from inpainting.video import masks, sequence
from rows import report, take_turns

SOURCE: ConditionSource = "grey"


def write_cache(root: Path, windows: int, frames: int, width: int, height: int, channels: int = 16) -> LatentCache:
    """A cache of random latents; the time to read them does not depend on their values."""
    generator = torch.Generator().manual_seed(0)
    geometry = COGVIDEOX_2B.geometry
    shape = (geometry.latent_frames(frames), channels, *geometry.latent_size(height, width))
    hole = np.zeros((frames, height, width), bool)
    hole[:, height // 3 : height // 2, width // 3 : width // 2] = True
    packed = torch.from_numpy(masks.pack(hole))
    truths, conditions, rows = {}, {}, []
    for number in range(windows):
        name = f"{number:04d}"
        truths[f"{name}/0/truth"] = torch.randn(shape, generator=generator).half()
        truths[f"{name}/0/hole"] = packed.clone()
        conditions[f"{name}/0/condition"] = torch.randn(shape, generator=generator).half()
        digest = shard_digest({})
        rows.append((name, "train", 0, frames, height, width, hole.mean(), SOURCE, "t", digest, "c", digest))
    write_shard(root / "t", truths, "truth", {}, "", {})
    write_shard(root / "c", conditions, SOURCE, {}, "", {})
    LATENT_INDEX.write(root / "index.parquet", pd.DataFrame(rows, columns=LATENT_INDEX.schema.names))
    return LatentCache(root / "index.parquet", "train")


def write_frames(folder: Path, frames: int, width: int, height: int) -> None:
    """A sequence of moving waves with noise."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:height, :width]
    waves = np.stack([127 + 90 * np.sin((row + column + 3 * frame) / 40) for frame in range(frames)])[..., None]
    clip = (waves + rng.normal(0, 5, (frames, height, width, 3))).clip(0, 255).astype(np.uint8)
    sequence.write_sequence(folder, clip, (clip[..., 0] > 200).astype(np.uint8) * 255, clip)


def against_decoding(root: Path) -> None:
    """A window from the cache (its checksum is verified on first read only) compared with its PNGs."""
    cache = write_cache(root, 8, 49, 640, 480)
    write_frames(root / "frames", 49, 640, 480)
    read = (sequence.read_rgb, sequence.read_truth, sequence.read_mask)
    cached, decoded = take_turns(
        3, lambda: [cache[number] for number in range(8)], lambda: [one(root / "frames", 0, 49) for one in read]
    )
    faster = [8 * decoding / windows for windows, decoding in zip(cached, decoded, strict=True)]
    report(
        "cached window",
        faster,
        "CPU time of decoding a window's 147 PNGs / of reading it from the cache (aim: over 20)",
    )


def share_of_a_step(root: Path, base: str) -> None:
    """A batch of 4 windows of the demo's size, compared with the nano model's forward and backward pass on it."""
    family, condition, channels = bases.family(base), ConditionSettings(), bases.latent_channels(base)
    cache = write_cache(root, 32, 17, 128, 96, channels)
    batches = Batches(cache, LossSettings(), AugmentationSettings(), 2, 4, 0, family, condition.mask_entry)
    transformer = loading.load_transformer(base, torch.float32, torch.device("cpu"), (12, 16), 17)
    widen_patch_embedding(transformer, condition.input_channels(channels, family.geometry))
    lora.add_lora(transformer, LoraSettings(rank=32, alpha=32, targets=("attention+ff",)), seed=0)
    lora.prepare_training(transformer)
    prompt = loading.encode_prompt(base, "", torch.device("cpu")).expand(4, -1, -1)
    (batch,) = batches.of_step(0, 0, 1, 4)

    def step() -> None:
        shown = (batch.noise, batch.condition, batch.mask, prompt, batch.timesteps)
        family.predict(transformer, *shown).square().mean().backward()

    drawn, worked = take_turns(5, lambda: batches.of_step(0, 0, 1, 4), step)
    shares = [drawing / working for drawing, working in zip(drawn, worked, strict=True)]
    report("batch", shares, "CPU time of reading a batch / of the nano model's pass on it (aim: under 0.05)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="models/nano")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        against_decoding(Path(one))
        share_of_a_step(Path(other), options.base)


if __name__ == "__main__":
    main()
