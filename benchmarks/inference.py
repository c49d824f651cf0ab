"""Speed and quality of inpainting with few steps, compared with 50 steps and guidance:

    PYTHONPATH=workflow .venv/bin/python benchmarks/inference.py ADAPTER [DATASET]

The reference takes 50 steps with guidance 6 (with a negative prompt that differs minimally, since guidance between
equal prompts is skipped), one window at a time, each denoised alone and blended into the next. The other rows take few
steps without guidance, with windows batched and denoised together. DATASET is a folder of sequences with truths;
without it two sample sequences of 49 frames of 128x96 are made. Prints seconds for all clips without loading the model,
mean PSNR of the raw output in the mask, and the speed-up over the reference. Run it on an idle machine.
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

Variant = tuple[str, int, float, Blend, int | None]
"""Name, denoising steps, guidance, blending of windows, windows per batch."""

REFERENCE: Variant = ("reference: 50 steps, guidance 6", 50, 6.0, "pixels", 1)
VARIANTS: tuple[Variant, ...] = (
    REFERENCE,
    *((f"{steps} steps", steps, 1.0, "latents", None) for steps in (1, 2, 4, 10)),
)


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


def main(adapter: Path, dataset: Path | None) -> None:
    """Measure each variant and print a table."""
    with tempfile.TemporaryDirectory() as made:
        if dataset is None:
            dataset = Path(made)
            inpaint(["sample", made, "--sequences", "2", "--frames", str(FRAMES), "--size", SIZE, "--seed", "77"])
        folders = sequences(dataset)
        model = ModelSettings(base=read_adapter_config(adapter).base)
        pipeline = load_pipeline(model, adapter)
        away_from = torch.full_like(encode_prompt(model.base, "", pipeline.device), 1e-6)
        pipeline(*warm_up(folders[0]), num_inference_steps=1)
        print(f"{len(folders)} clips\n{'':34}{'seconds':>9}{'dB in mask':>12}{'speed-up':>9}")
        reference = None
        for name, steps, guidance, blend, at_once in VARIANTS:
            seconds, score = measure(
                pipeline,
                folders,
                num_inference_steps=steps,
                guidance_scale=guidance,
                negative_prompt_embeds=away_from,
                blend=blend,
                windows_at_once=at_once,
            )
            reference = reference or seconds
            print(f"{name:34}{seconds:9.1f}{score:12.2f}{reference / seconds:8.1f}x", flush=True)


def warm_up(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first frame and its mask."""
    return sequence.read_rgb(folder, 0, 1), sequence.read_mask(folder, 0, 1)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: benchmarks/inference.py ADAPTER [DATASET]")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
