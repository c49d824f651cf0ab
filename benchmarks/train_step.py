"""Overhead of the training loop: `PYTHONPATH=workflow .venv/bin/python benchmarks/train_step.py [STEPS]`.

Trains models/nano with the loop of `inpaint train` (latents from disk, logging, checks) and, taking turns, the same
model on the same batches in a bare loop (batches in memory, no logging). Prints the ratio of their times per step; the
aim is 1.05 or less. STEPS per turn, a multiple of ten, is 20 by default.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from inpainting.artifacts.latents import write_listing, write_shard
from inpainting.artifacts.prompt import read_prompt
from inpainting.artifacts.split import SPLIT_TABLE, TRAIN
from inpainting.cli import main, parse
from inpainting.models import bases
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.train import fresh_run
from inpainting.video import masks
from pandas import DataFrame

NANO = Path(__file__).parents[1] / "models" / "nano"
FRAMES, HEIGHT, WIDTH, WINDOWS, TURNS = 17, 96, 128, 64, 5


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


def bare(options: list[str]) -> float:
    """Seconds per step of a minimal loop with the same result: forward, loss, backward, update."""
    settings = parse("train", options)
    assert isinstance(settings, TrainCommand)
    run = fresh_run(settings)
    parts = [run.micro_batches(step)[0] for step in range(1, settings.steps + 1)]
    prompt = read_prompt(settings.prompt_file)
    optimizer = torch.optim.AdamW(run.parameters, lr=settings.learning_rate, betas=settings.betas)
    run.transformer.train()
    start = perf_counter()
    for part in parts:
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
    """Print both times, shortest (least disturbed by other work) and median, and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_latents(folder)
        times: dict[str, list[float]] = {"bare": [], "inpaint": []}
        for turn in range(TURNS):
            out = folder / f"turn-{turn}"
            options = arguments(folder, out, steps)
            times["bare"].append(bare(options))
            times["inpaint"].append(inpaint_loop(options, out))
    for name, found in times.items():
        print(f"{name:8} {min(found):.4f} s per step at best, {median(found):.4f} s in the median of {TURNS} turns")
    least, middle = (choose(times["inpaint"]) / choose(times["bare"]) for choose in (min, median))
    print(f"ratio    {least:.3f} of the shortest times, {middle:.3f} of the medians (aim: at most 1.05)")


if __name__ == "__main__":
    logging.disable()
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
