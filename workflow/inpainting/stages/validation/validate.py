"""`inpaint validate`: one checkpoint, in a process of its own, on the fixed validation set."""

import logging
from time import perf_counter
from typing import Any

import pandas as pd

from inpainting.artifacts.clips import Clip, choose_sequences, read_clip
from inpainting.core import provenance, seeds
from inpainting.core.errors import InputError
from inpainting.core.files import file_digest, folder_digest, write_json
from inpainting.core.progress import Progress
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import mean_interval, per_sequence
from inpainting.metrics.regions import Regions
from inpainting.metrics.scores import score_clip
from inpainting.models.adapter import read_adapter_config
from inpainting.models.parity import difference_to_training
from inpainting.models.settings import ModelSettings
from inpainting.sampling.inpainter import Inpainter, load_inpainter
from inpainting.stages.validation.integrity import check_integrity
from inpainting.stages.validation.settings import ValidateCommand
from inpainting.video import masks

log = logging.getLogger(__name__)


def validate(settings: ValidateCommand) -> None:
    """Check the checkpoint, and write by number of denoising steps the means over sequences and each one's scores."""
    existing(settings.checkpoint, "--checkpoint", "a step-N folder that training wrote")
    chosen = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, "validation", settings.frames, settings.limit
    )
    step = check_integrity(settings.checkpoint)
    difference = difference_to_training(settings.section(ModelSettings), settings.checkpoint)
    scores = score_checkpoint(settings, chosen)
    runs = [summarise(settings, steps, part) for steps, part in scores.groupby("sampling_steps", sort=True)]
    inputs = {
        "adapter": folder_digest(settings.checkpoint / "adapter"),
        "split": file_digest(settings.split_file),
        "manifest": file_digest(settings.manifest),
    }
    result = {
        "step": step,
        "criterion": settings.criterion,
        "difference_to_training": difference,
        "runs": runs,
        "provenance": provenance.describe(settings.shaping(), inputs),
    }
    write_json(settings.out, result)
    for run in runs:
        psnr, ssim = (run["scores"][name]["mean"] for name in ("psnr_mask", "ssim_mask"))
        log.info("step %d, %d denoising steps: %.2f dB, SSIM %.3f in the mask", step, run["sampling_steps"], psnr, ssim)


def score_checkpoint(settings: ValidateCommand, chosen: dict[str, int]) -> pd.DataFrame:
    """In-mask scores of the raw output, a row per number of denoising steps and sequence: see `per_sequence`."""
    inpainter: Inpainter | None = None
    tables = []
    progress = Progress("validate", "clips", len(chosen) * len(settings.steps))
    for name, frames in chosen.items():
        clip = read_clip(settings.dataset, name, frames)
        if inpainter is None:
            inpainter = _load(settings, clip)
        hole = masks.to_hole(clip.mask, inpainter.masks)
        begin = perf_counter()
        conditioned = inpainter.condition(clip.rgb, hole)
        filling = perf_counter() - begin
        for steps in settings.steps:
            seed = seeds.derive(settings.seed, "validation.noise", name)
            begin = perf_counter()
            raw = inpainter.inpaint_conditioned(conditioned, steps, seed)
            seconds = (filling + perf_counter() - begin) / frames
            table = score_clip(raw, clip.truth, Regions(hole))
            tables.append(table.assign(sequence=name, sampling_steps=steps, seconds_per_frame=seconds))
            progress.step()
    return per_sequence(pd.concat(tables, ignore_index=True), keys=("sampling_steps", "sequence"))


def _load(settings: ValidateCommand, clip: Clip) -> Inpainter:
    adapter = settings.checkpoint / "adapter"
    config = read_adapter_config(adapter)
    return load_inpainter(settings.section(ModelSettings), adapter, clip.size, config.masks, config.windows)


def summarise(settings: ValidateCommand, steps: Any, scores: pd.DataFrame) -> dict[str, Any]:
    """What was found with one number of denoising steps, as JSON values; raises InputError where nothing was scored."""
    means = {}
    for name in ("psnr_mask", "ssim_mask"):
        interval = mean_interval(scores[name], settings.seed)
        if interval.count == 0:
            raise InputError(f"no validation sequence has a pixel in its mask; {settings.split_file} needs others")
        means[name] = {"mean": interval.mean, "low": _or_none(interval.low), "high": _or_none(interval.high)}
    return {
        "sampling_steps": int(steps),
        "seconds_per_frame": float(scores["seconds_per_frame"].median()),
        "scores": means,
        "sequences": [
            {"sequence": name, "psnr_mask": _or_none(psnr), "ssim_mask": _or_none(ssim)}
            for name, psnr, ssim in zip(scores["sequence"], scores["psnr_mask"], scores["ssim_mask"], strict=True)
        ],
    }


def _or_none(value: float) -> float | None:
    return None if value != value else value
