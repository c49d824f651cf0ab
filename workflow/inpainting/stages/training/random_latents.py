"""Latents and prompt of a dry run that has no data yet: one window of noise, in files like the real ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from inpainting.artifacts.latent_index import LATENT_INDEX
from inpainting.artifacts.latents import shard_digest, write_shard
from inpainting.artifacts.prompt import write_prompt
from inpainting.artifacts.split import TRAIN
from inpainting.core import seeds
from inpainting.core.settings import parse_size
from inpainting.models import bases
from inpainting.stages.training.settings import TrainCommand
from inpainting.video import masks

NAME = "random"
"""Of the sequence."""


def with_random_latents(settings: TrainCommand, folder: Path) -> TrainCommand:
    """The settings of a training on random latents of `frame_size`, which are written into a folder.

    The hole is the middle ninth of each frame. Raises UsageError for an unsupported base.
    """
    geometry = bases.family(settings.base).geometry
    width, height = parse_size(settings.frame_size)
    rows, columns = geometry.latent_size(height, width)
    height, width = rows * geometry.spatial_factor, columns * geometry.spatial_factor
    hole = np.zeros((settings.window, height, width), bool)
    hole[:, height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
    shape = geometry.latent_frames(settings.window), bases.latent_channels(settings.base), rows, columns
    generator = torch.Generator().manual_seed(seeds.derive(settings.seed, "training.dry_run"))
    truth, condition = torch.randn(2, *shape, generator=generator).half()
    truths = {
        f"{NAME}/0/truth": truth,
        f"{NAME}/0/hole": torch.from_numpy(masks.pack(hole)),
        f"{NAME}/0/difference": torch.zeros(shape[0], rows, columns, dtype=torch.uint8),
    }
    source, keys = settings.condition_source, {NAME: NAME}
    for content, tensors in (("truth", truths), (source, {f"{NAME}/0/condition": condition})):
        write_shard(folder / f"{content}.safetensors", tensors, content, keys, source="", provenance={})
    row = {
        "sequence": NAME,
        "split": TRAIN,
        "start": 0,
        "frames": settings.window,
        "height": height,
        "width": width,
        "coverage": float(hole.mean()),
        "condition_source": source,
        "truth": "truth.safetensors",
        "truth_digest": shard_digest(keys),
        "condition": f"{source}.safetensors",
        "condition_digest": shard_digest(keys),
    }
    index, prompt = folder / "index.parquet", folder / "prompt.safetensors"
    LATENT_INDEX.write(index, pd.DataFrame([row]))
    write_prompt(prompt, torch.randn(1, *bases.text_size(settings.base), generator=generator))
    return settings.model_copy(update={"index": index, "prompt_file": prompt})
