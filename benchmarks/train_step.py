"""What training costs beyond its arithmetic: `PYTHONPATH=workflow .venv/bin/python benchmarks/train_step.py [STEPS]`.

Trains the small model of models/nano with `inpaint train`'s own loop (latents from disk, logging, checks), and
the same model on the same batches in a bare loop (all batches in memory, nothing logged), in turns, and prints the
ratio of their times per step; 1.05 or less is the aim. STEPS per turn, in tens, are 20 unless given.
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
from accelerate import Accelerator
from inpainting.artifacts.latents import LatentCache, write_listing, write_shard
from inpainting.artifacts.prompt import read_prompt
from inpainting.artifacts.split import SPLIT_TABLE, TRAIN
from inpainting.cli import main, parse
from inpainting.models import bases, lora
from inpainting.stages.training.loop import Run
from inpainting.stages.training.metrics_logger import MetricsLogger
from inpainting.stages.training.preemption import Stop
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.trackers import start_trackers
from inpainting.stages.training.train import adapter_config, prepare_transformer
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


def new_run(folder: Path, out: Path, steps: int) -> Run:
    """A run of `inpaint train` with the demo's settings."""
    options = [
        "--base",
        str(NANO),
        "--device",
        "cpu",
        "--window",
        str(FRAMES),
        "--steps",
        str(steps),
        "--out",
        str(out),
    ]
    options += ["--index", str(folder / "index.parquet"), "--prompt-file", str(folder / "prompt.safetensors")]
    options += ["--targets", "attention+ff", "--rank", "32", "--batch-size", "4", "--micro-batch-size", "4"]
    settings = parse("train", [*options, "--save-every", "100000", "--high-noise-share", "0.5"])
    assert isinstance(settings, TrainCommand)
    cache, config = LatentCache(settings.index, "train"), adapter_config(settings)
    transformer = prepare_transformer(settings, config, cache, torch.device("cpu"), None)
    return Run(settings, Accelerator(cpu=True), transformer, lora.trained(transformer), cache, config, {})


def product(run: Run) -> float:
    """Seconds per step of the product's loop, as its own log tells them; the last checkpoint is not among them."""
    settings = run.settings
    trackers, timesteps = start_trackers(settings, first_step=0), run.family.timesteps
    metrics = MetricsLogger(settings.out, 0, settings.steps, settings.outside_weight, timesteps, trackers)
    run.train(None, metrics, Stop(None, {}))
    rows = [json.loads(line) for line in (settings.out / "metrics.jsonl").read_text().splitlines()]
    return sum(row["seconds_per_step"] for row in rows) / len(rows)


def bare(run: Run) -> float:
    """Seconds per step of the least that trains the same: forward, loss, backward, update."""
    settings, parts = run.settings, [run.micro_batches(step)[0] for step in range(1, run.settings.steps + 1)]
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
    """Print both times, the least of which the machine's other work disturbed least, and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_latents(folder)
        times: dict[str, list[float]] = {"bare": [], "product": []}
        for turn in range(TURNS):
            times["bare"].append(bare(new_run(folder, folder / f"bare-{turn}", steps)))
            times["product"].append(product(new_run(folder, folder / f"product-{turn}", steps)))
    for name, found in times.items():
        print(f"{name:8} {min(found):.4f} s a step at least, {median(found):.4f} s in the median of {TURNS} turns")
    least, middle = (choose(times["product"]) / choose(times["bare"]) for choose in (min, median))
    print(f"ratio    {least:.3f} of the least times, {middle:.3f} of the medians (the aim is 1.05 or less)")


if __name__ == "__main__":
    logging.disable()
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
