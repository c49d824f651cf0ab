"""How much faster clips are inpainted than the plain way, and at what quality:

    PYTHONPATH=workflow .venv/bin/python benchmarks/inference.py ADAPTER [DATASET]

The plain way is 50 steps with a guidance of 6 (away from a prompt that differs by next to nothing, else guidance would
be left out), one window at a time, each by itself, faded into the next. The other rows are this project's way: few
steps, no guidance, windows in batches and denoised together. DATASET is a folder of
sequences with truth (RGB_480, MASK_480, GT_480); without it two sample sequences of 49 frames of 128x96 are made.
Prints seconds for all clips, the loading of the model aside, the mean PSNR of the raw output inside the mask, and the
ratio to the plain way. Times are the machine's, so run it alone.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from inpainting.cli import main as inpaint
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.metrics.psnr import psnr
from inpainting.models.loading import encode_prompt
from inpainting.models.settings import ModelSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.sampling.window_schedule import Blend
from inpainting.video import masks, sequence
from numpy.typing import NDArray

FRAMES, SIZE = 49, "128x96"

Way = tuple[str, int, float, Blend, int | None]
"""Name, denoising steps, guidance, blending of windows, windows in a batch."""

PLAIN: Way = ("plain way: 50 steps, guidance 6", 50, 6.0, "pixels", 1)
WAYS: tuple[Way, ...] = (PLAIN, *((f"{steps} steps", steps, 1.0, "latents", None) for steps in (1, 2, 4, 10)))


def sequences(dataset: Path) -> list[Path]:
    """The sequences of a folder, sorted."""
    return sorted(path for path in dataset.iterdir() if (path / sequence.TRUTH).is_dir())


def measure(pipeline: CogVideoXInpaintPipeline, folders: list[Path], **options: Any) -> tuple[float, float]:
    """Seconds that inpainting all sequences takes, and their mean in-mask PSNR in dB."""
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


def main(adapter: Path, dataset: Path | None) -> None:
    """Measure each way and print a table."""
    with tempfile.TemporaryDirectory() as made:
        if dataset is None:
            dataset = Path(made)
            inpaint(["sample", made, "--sequences", "2", "--frames", str(FRAMES), "--size", SIZE, "--seed", "77"])
        folders = sequences(dataset)
        model = ModelSettings(base=read_adapter_config(adapter).base)
        pipeline = load_pipeline(model, adapter)
        away_from = torch.full_like(encode_prompt(model.base, "", pipeline.device), 1e-6)
        pipeline(*warm_up(folders[0]), num_inference_steps=1)
        print(f"{len(folders)} clips\n{'':34}{'seconds':>9}{'dB in mask':>12}{'faster':>9}")
        plain = None
        for name, steps, guidance, blend, at_once in WAYS:
            seconds, score = measure(
                pipeline,
                folders,
                num_inference_steps=steps,
                guidance_scale=guidance,
                negative_prompt_embeds=away_from,
                blend=blend,
                windows_at_once=at_once,
            )
            plain = plain or seconds
            print(f"{name:34}{seconds:9.1f}{score:12.2f}{plain / seconds:8.1f}x", flush=True)


def warm_up(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A first frame and its mask."""
    return sequence.read_rgb(folder, 0, 1), sequence.read_mask(folder, 0, 1)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: benchmarks/inference.py ADAPTER [DATASET]")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
