"""Speed and quality of inpainting, compared with the plain diffusers pipeline:

    PYTHONPATH=workflow .venv/bin/python benchmarks/inference.py [ADAPTER [DATASET]]

The reference is diffusers' CogVideoXPipeline: 50 steps with guidance 6, one window after the other. The other rows take
the number of steps without guidance, with windows batched and denoised together. DATASET is a folder of sequences with
truths; without it a sample sequence of 33 frames of 128x96 is made. Without ADAPTER, one of a single update is trained:
enough for times, not for quality. Prints wall seconds without loading the model and mean PSNR of the raw output in the
mask.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from diffusers import CogVideoXPipeline
from inpainting.cli import main as inpaint
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.metrics.psnr import psnr
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.video import masks, sequence
from numpy.typing import NDArray
from rows import report, say
from train_step import arguments, write_latents

FRAMES, SIZE, REPEATS = 33, "128x96", 2

STEPS = (1, 2, 4, 10, 50)
"""Numbers of denoising steps that are compared with the reference."""


def reference_seconds(pipeline: CogVideoXInpaintPipeline, plain: CogVideoXPipeline, folders: list[Path]) -> float:
    """Wall seconds of diffusers' pipeline for as many windows of the same size."""
    embeds = torch.zeros(1, *pipeline.family.text_size(plain.transformer.config))
    seconds = 0.0
    for folder in folders:
        rgb = sequence.read_rgb(folder, 0, len(list((folder / sequence.RGB).iterdir())))
        schedule = pipeline.plan(len(rgb))
        for _ in schedule.starts:
            begin = perf_counter()
            plain(
                height=rgb.shape[1],
                width=rgb.shape[2],
                num_frames=schedule.length,
                num_inference_steps=50,
                guidance_scale=6.0,
                prompt_embeds=embeds,
                negative_prompt_embeds=embeds,
                output_type="np",
            )
            seconds += perf_counter() - begin
    return seconds


def trained_adapter(folder: Path) -> Path:
    """An adapter of one update."""
    write_latents(folder)
    assert inpaint(["train", *arguments(folder, folder / "training", 1)]) == 0
    return folder / "training" / "checkpoints" / "step-1" / "adapter"


def sequences(dataset: Path) -> list[Path]:
    """The sequences of a folder, sorted."""
    return sorted(path for path in dataset.iterdir() if (path / sequence.TRUTH).is_dir())


def measure(pipeline: CogVideoXInpaintPipeline, folders: list[Path], **options: Any) -> tuple[float, float]:
    """Wall seconds to inpaint all sequences, and their mean PSNR in the mask, in dB."""
    assert pipeline.adapter is not None
    seconds, scores, settings = 0.0, [], pipeline.adapter.masks
    for folder in folders:
        count = len(list((folder / sequence.RGB).iterdir()))
        rgb, truth = sequence.read_rgb(folder, 0, count), sequence.read_truth(folder, 0, count)
        mask = sequence.read_mask(folder, 0, count)
        begin = perf_counter()
        raw = pipeline(rgb, mask, generator=noise_generator(0), composite=False, **options).frames
        seconds += perf_counter() - begin
        error = (raw.astype(np.float64) - truth)[masks.to_hole(mask, settings)]
        scores.append(float(psnr(float(np.mean(error**2)))))
    return seconds, float(np.mean(scores))


def main(adapter: Path | None, dataset: Path | None) -> None:
    """Measure each number of steps and report."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        trained = adapter is not None
        adapter = adapter or trained_adapter(made)
        if dataset is None:
            dataset = made / "sequences"
            inpaint(
                ["sample", str(dataset), "--sequences", "1", "--frames", str(FRAMES), "--size", SIZE, "--seed", "77"]
            )
        folders = sequences(dataset)
        base = read_adapter_config(adapter).base
        pipeline = load_pipeline(InferenceSettings(base=base, device="cpu"), adapter)
        plain = CogVideoXPipeline.from_pretrained(base, tokenizer=None, text_encoder=None)
        plain.set_progress_bar_config(disable=True)
        pipeline(*warm_up(folders[0]), num_inference_steps=1)
        ratios: dict[int, list[float]] = {steps: [] for steps in STEPS}
        for _ in range(REPEATS):
            reference = reference_seconds(pipeline, plain, folders)
            say(f"CogVideoXPipeline, 50 steps with guidance: {reference:.1f} s for {len(folders)} clips")
            for steps in STEPS:
                seconds, score = measure(pipeline, folders, num_inference_steps=steps)
                say(f"{steps} steps: {seconds:.1f} s" + (f", {score:.2f} dB" if trained else ""))
                ratios[steps].append(reference / seconds)
        for steps, found in ratios.items():
            what = f"wall time of CogVideoXPipeline, 50 steps with guidance / of ours with {steps}"
            report(f"inference, {steps} steps", found, what)


def warm_up(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first frame and its mask."""
    return sequence.read_rgb(folder, 0, 1), sequence.read_mask(folder, 0, 1)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        sys.exit("usage: benchmarks/inference.py [ADAPTER [DATASET]]")
    adapter, dataset, *_ = (*map(Path, sys.argv[1:]), None, None)
    main(adapter, dataset)
