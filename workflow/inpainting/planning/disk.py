"""Bytes on disk by stage, from the shapes and precisions of what is written."""

from dataclasses import dataclass
from pathlib import Path

from inpainting.config import PipelineConfig
from inpainting.core.errors import UsageError
from inpainting.models.shapes import (
    Base,
    count,
    prompt_bytes,
    read_base,
    transformer_shapes,
    vae_weights,
)
from inpainting.planning.figures import Origin
from inpainting.planning.work import Work, condition_sources, frame_size, window_latents
from inpainting.stages.latents.disk import window_bytes
from inpainting.stages.training.checkpoint_disk import checkpoint_bytes
from inpainting.stages.training.settings import TrainSettings, checkpoint_steps

VIDEO_BYTES_PER_PIXEL = 0.1
"""Assumed of the report's H.264 clips."""
SHEET_PIXELS, CLIP_PIXELS = 1320 * 1320, 1080 * 540
"""Assumed size of an example's sheet of moments, and of a frame of its clip."""


@dataclass(frozen=True)
class DiskRow:
    """Bytes of one kind of file. at_most: they are an upper bound, since the files are compressed."""

    stage: str
    what: str
    bytes: int
    files: int
    origin: Origin = "counted"
    at_most: bool = False


def content_window_bytes(config: PipelineConfig, base: Base, work: Work, content: str) -> int:
    """Bytes of the tensors of a window in a shard of truths (`truth`) or of conditions."""
    frames, rows, columns = work.latent_shape
    shape = frames, int(base.transformer["out_channels"]), rows, columns
    dtype, posterior = config.latents.latents_dtype, config.latents.truth_posterior
    return window_bytes(content, work.window, shape, dtype, posterior, base.geometry)


def kept_checkpoints(training: TrainSettings) -> tuple[int, int]:
    """How many checkpoints a training keeps, and how many of these a run can go on from."""
    kept = len(checkpoint_steps(training))
    return kept, min(kept, training.keep_last)


def missing_checkpoint_bytes(config: PipelineConfig, trainings: Path) -> int:
    """Bytes of all experiments' checkpoints that are not on disk yet.

    trainings: the folder of the experiments' folders. Frames are taken to have the size that `count_work` assumes. An
    experiment with targets that the base has not counts nothing: its training is refused.
    """
    base = read_base(config.model.base, config.model.revision)
    latent_shape = window_latents(config, base.geometry, frame_size(config, None)[0])
    missing = 0
    for name, experiment in config.compared().items():
        kept, resumable = kept_checkpoints(experiment.training)
        try:
            size = checkpoint_bytes(base, experiment.training, latent_shape)
        except UsageError:
            continue
        written = sum(path.stat().st_size for path in (trainings / name / "checkpoints").rglob("*") if path.is_file())
        missing += max(kept * (size.adapter + size.probe) + resumable * size.resume - written, 0)
    return missing


def disk_rows(config: PipelineConfig, base: Base, work: Work) -> list[DiskRow]:
    """What the pipeline writes, by stage, and what it downloads. Tables and logs of a few megabytes are left out."""
    rows = [*_dataset(config, work), *_latents(config, base, work), *_trainings(config, base, work)]
    rows += [*_evaluation(config, work), *_report(config, work)]
    if base.to_download:
        weights = count_base_weights(base)
        downloaded = 2 * (weights + vae_weights(base.vae) + base.text_encoder_weights)
        rows.append(DiskRow("model", "download of the base, float16, into HF_HOME", downloaded, 20))
    return rows


def disk_help(config: PipelineConfig) -> dict[str, str]:
    """By stage, what makes it take less disk; settings that are as small as they get are left out."""
    latents = []
    if config.latents.latents_dtype != "float16":
        latents.append("latents.latents_dtype: float16")
    if config.latents.truth_posterior != "mean":
        latents.append("latents.truth_posterior: mean")
    if len(condition_sources(config)) > 1:
        latents.append("experiments of one `fill` and `conditioning`")
    if config.dataset.frames > config.windows.window and config.latents.windows_per_sequence != 1:
        latents.append("latents.windows_per_sequence: 1")
    return {
        "dataset": "a smaller dataset.sample.sequences",
        "latents": "; ".join([*latents, "fewer sequences", "results/ on a larger disk"]),
        "training": "a larger training.save_every; a smaller training.keep_last; a smaller training.rank",
        "validation": "a smaller training.rank",
        "evaluation": "a smaller evaluation.examples",
        "report": "a smaller report.examples",
        "model": "HF_HOME on another disk",
    }


def count_base_weights(base: Base) -> int:
    """Weights of the base's transformer."""
    return count(transformer_shapes(base.transformer))


def _dataset(config: PipelineConfig, work: Work) -> list[DiskRow]:
    if config.dataset.root is not None:
        return []
    pixels = work.sequences * work.frames * work.size[0] * work.size[1]
    return [DiskRow("dataset", "sample sequences", 7 * pixels, work.pngs, at_most=True)]


def _latents(config: PipelineConfig, base: Base, work: Work) -> list[DiskRow]:
    if not config.compared():
        return []
    shards, windows, sources = config.latents.shards, work.train_windows, condition_sources(config)
    truth, condition = (content_window_bytes(config, base, work, content) for content in ("truth", "condition"))
    return [
        DiskRow("latents", f"truth and masks, {windows:,} windows", windows * truth, 2 * shards),
        *(DiskRow("latents", f"condition {source}", windows * condition, 2 * shards) for source in sources),
        DiskRow(
            "latents", "copies while a shard is written", -(-windows // shards) * (truth + len(sources) * condition), 0
        ),
        DiskRow("latents", "prompt", prompt_bytes(base), 1),
    ]


def _trainings(config: PipelineConfig, base: Base, work: Work) -> list[DiskRow]:
    rows = []
    for name, experiment in config.compared().items():
        training, size = experiment.training, checkpoint_bytes(base, experiment.training, work.latent_shape)
        kept, resumable = kept_checkpoints(training)
        files = 6 + bool(training.ema_decay)
        rows += [
            DiskRow("training", f"{name}: {kept} adapters", kept * (size.adapter + size.probe), kept * files),
            DiskRow("training", f"{name}: state of the last {resumable}", resumable * size.resume, resumable),
            DiskRow("validation", f"{name}: best adapter, and scores", size.adapter, 5 + kept),
        ]
    return rows


def _evaluation(config: PipelineConfig, work: Work) -> list[DiskRow]:
    methods = count_methods(config)
    shown = min(config.evaluation.examples, work.evaluated)
    frames = 2 * methods * shown * work.frames
    pixels = frames * work.size[0] * work.size[1]
    return [DiskRow("evaluation", f"frames of {shown} examples of {methods} methods", 3 * pixels, frames, at_most=True)]


def count_methods(config: PipelineConfig) -> int:
    """Methods that are scored: experiments, adapters, other tools and those that they are compared with."""
    adapters = len(config.compared()) + len(config.evaluation.given())
    others = len(config.evaluation.external) + len(config.evaluation.methods)
    return adapters * (1 + config.evaluation.degraded_masks) + others


def _report(config: PipelineConfig, work: Work) -> list[DiskRow]:
    """Sheets and clips; each clip stands in a page and in the report as well, as text a third longer."""
    shown = min(config.report.examples, config.evaluation.examples, work.evaluated)
    clip = int(VIDEO_BYTES_PER_PIXEL * CLIP_PIXELS * work.frames)
    size = shown * (SHEET_PIXELS * 3 + 4 * clip)
    return [DiskRow("report", f"{shown} examples, figures, report.html", size, 4 * shown + 20, "assumed")]
