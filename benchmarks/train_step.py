"""Overhead of the training loop: `PYTHONPATH=workflow .venv/bin/python benchmarks/train_step.py [STEPS]`.

Trains models/nano with the loop of `inpaint train` (latents from disk, logging, checks) and, taking turns, the same
model on the same batches in a bare loop (batches in memory, no logging), and in the plain loop that reads the PNGs and
encodes them in each step. Ratios of their wall times per step; the aims are 1.05 or less, and 1.5 or more. STEPS per
turn, a multiple of ten, is 20 by default.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.artifacts.latents import write_listing, write_shard
from inpainting.artifacts.prompt import read_prompt
from inpainting.artifacts.split import SPLIT_TABLE, TRAIN
from inpainting.cli import main, parse
from inpainting.models import bases, loading
from inpainting.models import vae as vae_latents
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.train import fresh_run
from inpainting.video import masks, sequence
from pandas import DataFrame
from rows import report, say
from torch import Tensor

NANO = Path(__file__).parents[1] / "models" / "nano"
FRAMES, HEIGHT, WIDTH, WINDOWS, TURNS = 17, 96, 128, 64, 3


def write_latents(folder: Path) -> None:
    """Shards of noise with a moving square hole, and the index, split and prompt that training takes."""
    generator = torch.Generator().manual_seed(0)
    geometry, channels = bases.family(str(NANO)).geometry, bases.latent_channels(str(NANO))
    cells = (geometry.latent_frames(FRAMES), channels, *geometry.latent_size(HEIGHT, WIDTH))
    names = [f"{number:016x}" for number in range(WINDOWS)]
    truths, conditions = {}, {}
    for number, name in enumerate(names):
        hole = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
        for frame in range(FRAMES):
            hole[frame, 20:60, frame + number % 40 : frame + number % 40 + 40] = True
        truths[f"{name}/0/truth"] = torch.randn(cells, generator=generator).half()
        truths[f"{name}/0/hole"] = torch.from_numpy(masks.pack(hole))
        conditions[f"{name}/0/condition"] = torch.randn(cells, generator=generator).half()
    for content, tensors in (("truth", truths), ("grey", conditions)):
        write_shard(folder / f"{content}.safetensors", tensors, content, keys={}, source="", provenance={})
        write_listing(folder / f"{content}.safetensors")
    SPLIT_TABLE.write(folder / "split.tsv", DataFrame({"id": names, "group": names, "split": TRAIN}))
    listings = ["--truths", str(folder / "truth.parquet"), "--conditions", str(folder / "grey.parquet")]
    index = [*listings, "--split-file", str(folder / "split.tsv"), "--out", str(folder / "index.parquet")]
    assert main(["index", *index]) == 0
    assert main(["prompt", "--base", str(NANO), "--out", str(folder / "prompt.safetensors")]) == 0


def arguments(folder: Path, out: Path, steps: int) -> list[str]:
    """The options of `inpaint train`."""
    words = f"--base {NANO} --device cpu --window {FRAMES} --steps {steps} --out {out} --index {folder}/index.parquet"
    words += f" --prompt-file {folder}/prompt.safetensors --targets attention+ff --rank 32 --batch-size 4"
    words += " --micro-batch-size 4 --warmup-steps 0 --save-every 100000 --high-noise-share 0.5"
    return words.split()


def inpaint_loop(options: list[str], out: Path) -> float:
    """Seconds per step of `inpaint train`, from its log; the checkpoint at the end is not included."""
    assert main(["train", *options]) == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return sum(row["seconds_per_step"] for row in rows) / len(rows)


def write_frames(folder: Path) -> None:
    """As many sequences of noise as a batch has windows."""
    rng = np.random.default_rng(0)
    for number in range(4):
        clip = rng.integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
        sequence.write_sequence(folder / str(number), clip, (clip[..., 0] > 200).astype(np.uint8) * 255, clip)


def encoded(vae: AutoencoderKLCogVideoX, folder: Path) -> tuple[Tensor, Tensor]:
    """Truth and condition latents of the sequences, from their PNGs, as the plain loop makes them in each step."""
    truths, conditions = [], []
    for path in sorted(folder.iterdir()):
        rgb, truth = sequence.read_rgb(path, 0, FRAMES), sequence.read_truth(path, 0, FRAMES)
        hole = sequence.read_mask(path, 0, FRAMES) >= 128
        truths.append(vae_latents.to_tensor(truth))
        conditions.append(vae_latents.to_tensor(np.where(hole[..., None], np.uint8(127), rgb)))
    return tuple(vae_latents.encode(vae, torch.stack(clips))[0] for clips in (truths, conditions))


def bare(options: list[str], frames: Path | None = None) -> float:
    """Seconds per step of a minimal loop with the same result: forward, loss, backward, update.

    frames: folder of sequences whose PNGs are read and encoded in each step, in place of the cached latents.
    """
    settings = parse("train", options)
    assert isinstance(settings, TrainCommand)
    run = fresh_run(settings)
    parts = [run.micro_batches(step)[0] for step in range(1, settings.steps + 1)]
    prompt = read_prompt(settings.prompt_file)
    optimizer = torch.optim.AdamW(run.parameters, lr=settings.learning_rate, betas=settings.betas)
    vae = loading.load_vae(str(NANO), torch.float32, torch.device("cpu"))
    run.transformer.train()
    start = perf_counter()
    for part in parts:
        if frames is not None:
            part.truth[:], part.condition[:] = encoded(vae, frames)
        noisy = run.noise_scheduler.add_noise(part.truth, part.noise, part.timesteps)
        velocity = run.noise_scheduler.get_velocity(part.truth, part.noise, part.timesteps)
        shown = torch.cat([noisy, part.condition, part.mask], dim=2)
        predicted = run.transformer(shown, prompt.expand(len(shown), -1, -1), part.timesteps, return_dict=False)[0]
        weights = part.region + settings.outside_weight * (1 - part.region)
        loss = (weights * (predicted - velocity).square()).sum() / (velocity.shape[2] * weights.sum())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(run.parameters, settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    return (perf_counter() - start) / settings.steps


def compare(steps: int) -> None:
    """Report the time of a step against both loops."""
    loops, plain = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_latents(folder)
        write_frames(folder / "frames")
        for turn in range(TURNS):
            out = folder / f"turn-{turn}"
            options = arguments(folder, out, steps)
            least, ours, user = bare(options), inpaint_loop(options, out), bare(options, folder / "frames")
            say(f"bare {least:.4f} s per step, inpaint train {ours:.4f} s, with PNGs and VAE {user:.4f} s")
            loops.append(ours / least)
            plain.append(user / ours)
    report("training step", loops, "wall time of a step of `inpaint train` / of a bare loop (aim: 1.05)")
    report("training step, cached", plain, "wall time of a loop that reads PNGs and runs the VAE / of `inpaint train`")


if __name__ == "__main__":
    logging.disable()
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
