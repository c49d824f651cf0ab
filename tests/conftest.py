"""A tiny CogVideoX with random weights, a tiny dataset, and what the pipeline makes of both.

torch and diffusers are imported where they are used, so that tests which need neither start fast. All tests compute on
one thread, in this process and those it starts: sums then come in one order, on any machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import numpy as np
import pytest
from inpainting.artifacts.shard_listing import shard_path
from inpainting.cli import main
from inpainting.video.sequence import write_sequence

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
    from inpainting.artifacts.latents import Window

os.environ["OMP_NUM_THREADS"] = "1"

FRAMES, SIZE, SEQUENCES = 17, 32, 10
CONTENTS = ("truth", "grey", "rgb")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model in diffusers' layout: the real classes for 9 frames of 32x32, every weight random and none zero."""
    import torch
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

    folder = tmp_path_factory.mktemp("tiny") / "base"
    torch.manual_seed(0)  # what `_fill` adds to is drawn, too
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8),
        latent_channels=16,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=SIZE,
        sample_width=SIZE,
        scaling_factor=1.7,
    )
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=2,
        time_embed_dim=16,
        text_embed_dim=8,
        max_text_seq_length=4,
        sample_height=SIZE // 8,
        sample_width=SIZE // 8,
        sample_frames=9,
        spatial_interpolation_scale=1.0,
    )
    scheduler = CogVideoXDDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        snr_shift_scale=3.0,
        timestep_spacing="trailing",
    )
    generator = torch.Generator().manual_seed(0)
    for model in (vae, transformer):
        _fill(model, generator)
    vae.save_pretrained(folder / "vae")
    transformer.save_pretrained(folder / "transformer")
    scheduler.save_pretrained(folder / "scheduler")
    return folder


def _fill(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Random weights that keep the scale of what goes through them."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
            else:
                parameter.add_(0.1 * noise)


@pytest.fixture
def tiny_vae(tiny_base: Path) -> AutoencoderKLCogVideoX:
    """The tiny VAE, frozen, in float32."""
    import torch
    from inpainting.models.loading import load_vae

    return load_vae(str(tiny_base), torch.float32, torch.device("cpu"))


@pytest.fixture
def tiny_transformer(tiny_base: Path) -> CogVideoXTransformer3DModel:
    """The tiny transformer, frozen, in float32, laid out for its 9 frames of 4x4 latents."""
    import torch
    from inpainting.models.loading import load_transformer

    return load_transformer(str(tiny_base), torch.float32, torch.device("cpu"), (SIZE // 8, SIZE // 8), frames=9)


@pytest.fixture(scope="session")
def tiny_results(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """Ten sequences of 17 frames of 32x32 through audit, split and encode, in windows of 9 frames.

    dataset/<id>/, audit/manifest.parquet, audit/split.tsv; latents/prompt.safetensors, latents/index-{grey,rgb}.parquet
    and shard-{0,1}.{safetensors,parquet} in latents/truth/ and latents/condition/{grey,rgb}/. No test changes it.
    """
    folder = tmp_path_factory.mktemp("tiny-results")
    dataset, audit, latents = folder / "dataset", folder / "audit", folder / "latents"
    for number in range(SEQUENCES):
        _write_tiny_sequence(dataset / f"{number:016x}", number)
    truths, greys, rgbs = ([shard_path(latents, content, number) for number in range(2)] for content in CONTENTS)
    contents = ("--contents", ",".join(CONTENTS), "--shards", "2", "--shard")
    split_file = audit / "split.tsv"
    for command in (
        commands.audit(dataset, audit, "--frames", str(FRAMES)),
        commands.split(audit / "manifest.parquet", split_file, "--validation-share", "0.2"),
        *(commands.encode(tiny_base, folder, latents, *contents, str(number)) for number in range(2)),
        commands.prompt(tiny_base, latents / "prompt.safetensors"),
        commands.index(split_file, truths, greys, latents / "index-grey.parquet"),
        commands.index(split_file, truths, rgbs, latents / "index-rgb.parquet"),
    ):
        assert main(command) == 0, command
    return folder


def _write_tiny_sequence(folder: Path, number: int) -> None:
    """A wandering pattern with noise, and a white box over it that moves and is to be removed."""
    rng = np.random.default_rng(number)
    time, row, column = np.mgrid[:FRAMES, :SIZE, :SIZE]
    waves = rng.uniform(0.05, 0.5, (3, 3))
    truth = np.stack([np.sin(a * time + b * row + c * column + number) for a, b, c in waves], axis=-1)
    truth = (100 + 60 * truth + rng.normal(0, 10, truth.shape)).clip(0, 255).astype(np.uint8)
    left = (number + time) % 20
    mask = ((column >= left) & (column < left + 9) & (row >= 8) & (row < 18)).astype(np.uint8) * 255
    rgb = np.where(mask[..., None] > 0, 255, truth).astype(np.uint8)
    write_sequence(folder, rgb, mask, truth)


@pytest.fixture
def write_latents(tiny_results: Path, tmp_path: Path) -> Callable[[list[Window]], Path]:
    """Writes windows, which a test may have changed, as a cache of its own, and returns its index."""
    import torch
    from inpainting.artifacts.latents import write_listing, write_shard
    from inpainting.video.masks import pack

    def write_latents(windows: list[Window]) -> Path:
        folder = tmp_path / "written-latents"
        tensors: dict[str, dict[str, torch.Tensor]] = {"truth": {}, "grey": {}}
        for window in windows:
            name = f"{window.sequence}/{window.start}"
            tensors["truth"] |= {f"{name}/truth": window.truth, f"{name}/hole": torch.from_numpy(pack(window.hole))}
            more = {"logvar": window.logvar, "difference": window.difference}
            tensors["truth"] |= {f"{name}/{what}": tensor for what, tensor in more.items() if tensor is not None}
            tensors["grey"][f"{name}/condition"] = window.condition
        for content, found in tensors.items():
            write_shard(folder / f"{content}.safetensors", found, content, keys={}, source="", provenance={})
            write_listing(folder / f"{content}.safetensors")
        split_file, out = tiny_results / "audit" / "split.tsv", folder / "index.parquet"
        assert main(commands.index(split_file, [folder / "truth"], [folder / "grey"], out)) == 0
        return out

    return write_latents


@pytest.fixture(scope="session")
def training_arguments(tiny_base: Path, tiny_results: Path) -> Callable[..., list[str]]:
    """The command line of a training on the tiny latents: 4 steps, batches of 2, LoRA's alpha other than its rank."""

    def arguments(out: Path, *options: str) -> list[str]:
        return commands.train(tiny_base, tiny_results, out, *options)

    return arguments


@pytest.fixture(scope="session")
def tiny_training(tmp_path_factory: pytest.TempPathFactory, training_arguments: Callable[..., list[str]]) -> Path:
    """The folder of a finished training of 4 steps with checkpoints at 2 and 4. Shared by tests: none changes it."""
    out = tmp_path_factory.mktemp("tiny-training")
    assert main(training_arguments(out)) == 0
    return out
