"""`inpaint validate`: scores one checkpoint on the validation set."""

import logging
from pathlib import Path

import pandas as pd

from inpainting.artifacts.manifest import choose_sequences, sequence_digests
from inpainting.artifacts.split import VALIDATION
from inpainting.artifacts.validation_pictures import cache_folder, steps_folder
from inpainting.artifacts.validation_scores import (
    SCORES,
    VALIDATION_VERSION,
    MeanScore,
    SequenceScore,
    ValidationRun,
    ValidationScores,
)
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.core import provenance
from inpainting.core.errors import InputError
from inpainting.core.files import file_digest, read_json, read_table, value_digest, write_json
from inpainting.core.item_cache import ItemCache
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import mean_interval, per_sequence
from inpainting.models import bases, loading
from inpainting.models.adapter_files import adapter_digest
from inpainting.models.parity import PARITY_FILE
from inpainting.models.settings import ModelSettings, TransformerSettings
from inpainting.sampling.settings import INPAINTING_VERSION
from inpainting.stages.validation.integrity import check_integrity, difference_to_training
from inpainting.stages.validation.scoring import SCORES_FILE, Job, score_all
from inpainting.stages.validation.settings import ValidateCommand

log = logging.getLogger(__name__)


def validate(settings: ValidateCommand) -> None:
    """Check the checkpoint and write its scores: per number of denoising steps, the means and those of each sequence.

    Raises UsageError for wrong options, InputError for a damaged checkpoint or unreadable sequences.
    """
    bases.family(settings.base)
    existing(settings.checkpoint, "--checkpoint", "a step-N folder that training wrote")
    chosen = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, VALIDATION, settings.frames, settings.limit
    )
    step = check_integrity(settings.checkpoint)
    models = {part: loading.part_digest(settings.base, part) for part in ("transformer", "vae")}
    models["adapter"] = adapter_digest(settings.checkpoint / "adapter")
    digests = sequence_digests(settings.manifest, chosen)
    cache = cache_folder(settings.out)
    difference = _difference(cache, settings.section(ModelSettings), settings.checkpoint, models)
    scores = score_checkpoint(settings, chosen, cache, sequence_keys(settings, models, chosen, digests))
    runs = [summarise(part, settings.seed) for _, part in scores.groupby("sampling_steps", sort=True)]
    inputs = models | {"sequences": value_digest(sorted(digests.items()))} | bases.provenance(settings.base)
    result = ValidationScores(
        step=step,
        criterion=settings.criterion,
        difference_to_training=difference,
        runs=runs,
        provenance=provenance.describe(settings.shaping(), inputs),
    )
    result.write(settings.out)
    for run in runs:
        means = [run.scores[name].mean for name in SCORES]
        found = "step %d, %d denoising steps: %.2f dB, SSIM %.3f, detail %+.1f dB in the mask"
        log.info(found, step, run.sampling_steps, *means)


def sequence_keys(
    settings: ValidateCommand, models: dict[str, str], chosen: dict[str, int], digests: dict[str, str]
) -> dict[str, str]:
    """By sequence a digest of everything that changes its scores: frames, seed, precisions, models and versions."""
    shaping = [loading.precisions(settings.section(TransformerSettings)), settings.seed, models]
    versions = [VALIDATION_VERSION, INPAINTING_VERSION]
    return {name: value_digest([*shaping, *versions, name, frames, digests[name]]) for name, frames in chosen.items()}


def score_checkpoint(
    settings: ValidateCommand, chosen: dict[str, int], folder: Path, keys: dict[str, str]
) -> pd.DataFrame:
    """In-mask scores of the raw output, a row per number of denoising steps and sequence: see `per_sequence`.

    folder: of the scores of earlier runs, which are reused if their keys are the same.
    """
    caches = {steps: ItemCache(steps_folder(folder, steps), keys) for steps in settings.steps}
    missing = {steps: set(cache.missing()) for steps, cache in caches.items()}
    jobs = [
        Job(name, frames, steps)
        for name, frames in chosen.items()
        if (steps := tuple(steps for steps, names in missing.items() if name in names))
    ]
    log.info("%d of %d sequences are new or changed", len(jobs), len(chosen))
    config = read_adapter_config(settings.checkpoint / "adapter")
    for _ in tracked(score_all(settings, config, jobs, caches), "validate", "sequences", len(jobs)):
        pass
    tables = [read_table(cache.path(name) / SCORES_FILE) for name in chosen for cache in caches.values()]
    return per_sequence(pd.concat(tables, ignore_index=True), keys=("sampling_steps", "sequence"))


def _difference(folder: Path, model: ModelSettings, checkpoint: Path, digests: dict[str, str]) -> float:
    """See `difference_to_training`; the result for the same files is taken from the cache."""
    probe = checkpoint / PARITY_FILE
    key = value_digest([model.shaping(), digests, file_digest(probe) if probe.is_file() else None])
    cache = ItemCache(folder, {"difference": key})
    if cache.missing():
        found = difference_to_training(model, checkpoint)
        with cache.adding("difference") as added:
            write_json(added / "difference.json", found)
    difference: float = read_json(cache.path("difference") / "difference.json")
    return difference


def summarise(scores: pd.DataFrame, seed: int) -> ValidationRun:
    """Means, intervals and sequences' scores for one number of denoising steps.

    seed: of the bootstrap intervals. Raises InputError if no sequence has a score.
    """
    means = {}
    for name in SCORES:
        interval = mean_interval(scores[name], seed)
        if interval.count == 0:
            raise InputError("no validation sequence has a pixel in its mask; the validation set needs others")
        means[name] = MeanScore(mean=interval.mean, low=_or_none(interval.low), high=_or_none(interval.high))
    return ValidationRun(
        sampling_steps=int(scores["sampling_steps"].iloc[0]),
        seconds_per_frame=float(scores["seconds_per_frame"].median()),
        scores=means,
        sequences=[
            SequenceScore(sequence=row["sequence"], **{name: _or_none(row[name]) for name in SCORES})
            for row in scores[["sequence", *SCORES]].to_dict("records")
        ],
    )


def _or_none(value: float) -> float | None:
    return None if value != value else value
