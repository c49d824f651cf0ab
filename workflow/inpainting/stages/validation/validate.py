"""`inpaint validate`: one checkpoint, in a process of its own, on the fixed validation set."""

import logging
from time import perf_counter
from typing import Any

import pandas as pd

from inpainting.artifacts.manifest import choose_sequences
from inpainting.artifacts.split import VALIDATION
from inpainting.artifacts.validation_scores import (
    CRITERIA,
    MeanScore,
    SequenceScore,
    ValidationRun,
    ValidationScores,
)
from inpainting.baselines.fills import fill
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.core import provenance, seeds
from inpainting.core.errors import InputError
from inpainting.core.files import file_digest
from inpainting.core.progress import Progress
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import mean_interval, per_sequence
from inpainting.metrics.by_region import score_clip
from inpainting.metrics.regions import Regions
from inpainting.models import bases
from inpainting.models.adapter_files import adapter_digest
from inpainting.models.settings import ModelSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.stages.validation.integrity import check_integrity, difference_to_training
from inpainting.stages.validation.settings import ValidateCommand
from inpainting.video import masks
from inpainting.video.clip import read_clip

log = logging.getLogger(__name__)


def validate(settings: ValidateCommand) -> None:
    """Check the checkpoint, and write by number of denoising steps the means over sequences and each one's scores."""
    bases.family(settings.base)
    existing(settings.checkpoint, "--checkpoint", "a step-N folder that training wrote")
    chosen = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, VALIDATION, settings.frames, settings.limit
    )
    step = check_integrity(settings.checkpoint)
    difference = difference_to_training(settings.section(ModelSettings), settings.checkpoint)
    scores = score_checkpoint(settings, chosen)
    runs = [summarise(settings, steps, part) for steps, part in scores.groupby("sampling_steps", sort=True)]
    inputs = {
        "adapter": adapter_digest(settings.checkpoint / "adapter"),
        "split": file_digest(settings.split_file),
        "manifest": file_digest(settings.manifest),
    }
    result = ValidationScores(
        step=step,
        criterion=settings.criterion,
        difference_to_training=difference,
        runs=runs,
        provenance=provenance.describe(settings, inputs),
    )
    result.write(settings.out)
    for run in runs:
        psnr, ssim = (run.scores[name].mean for name in CRITERIA)
        log.info("step %d, %d denoising steps: %.2f dB, SSIM %.3f in the mask", step, run.sampling_steps, psnr, ssim)


def score_checkpoint(settings: ValidateCommand, chosen: dict[str, int]) -> pd.DataFrame:
    """In-mask scores of the raw output, a row per number of denoising steps and sequence: see `per_sequence`."""
    adapter = settings.checkpoint / "adapter"
    config, pipeline = read_adapter_config(adapter), load_pipeline(settings.section(ModelSettings), adapter)
    tables = []
    progress = Progress("validate", "clips", len(chosen) * len(settings.steps))
    for name, frames in chosen.items():
        clip = read_clip(settings.dataset, name, frames)
        hole = masks.to_hole(clip.mask, config.masks)
        begin = perf_counter()
        filled = fill(clip.rgb, masks.dilate(hole, config.masks.mask_dilation), config.condition.condition_source)
        filling = perf_counter() - begin
        for steps in settings.steps:
            generator = noise_generator(seeds.derive(settings.seed, "validation.noise", name))
            begin = perf_counter()
            raw = pipeline(
                filled, hole, num_inference_steps=steps, generator=generator, filled=True, composite=False
            ).frames
            seconds = (filling + perf_counter() - begin) / frames
            table = score_clip(raw, clip.truth, Regions(hole))
            tables.append(table.assign(sequence=name, sampling_steps=steps, seconds_per_frame=seconds))
            progress.step()
    return per_sequence(pd.concat(tables, ignore_index=True), keys=("sampling_steps", "sequence"))


def summarise(settings: ValidateCommand, steps: Any, scores: pd.DataFrame) -> ValidationRun:
    """What was found with one number of denoising steps; raises InputError where nothing was scored."""
    means = {}
    for name in CRITERIA:
        interval = mean_interval(scores[name], settings.seed)
        if interval.count == 0:
            raise InputError(f"no validation sequence has a pixel in its mask; {settings.split_file} needs others")
        means[name] = MeanScore(mean=interval.mean, low=_or_none(interval.low), high=_or_none(interval.high))
    return ValidationRun(
        sampling_steps=int(steps),
        seconds_per_frame=float(scores["seconds_per_frame"].median()),
        scores=means,
        sequences=[
            SequenceScore(sequence=name, psnr_mask=_or_none(psnr), ssim_mask=_or_none(ssim))
            for name, psnr, ssim in zip(scores["sequence"], scores["psnr_mask"], scores["ssim_mask"], strict=True)
        ],
    )


def _or_none(value: float) -> float | None:
    return None if value != value else value
