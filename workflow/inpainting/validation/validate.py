"""`inpaint validate`: one checkpoint, in a process of its own, on the fixed validation set."""

import logging

import pandas as pd

from inpainting import provenance, seeds
from inpainting.errors import InputError
from inpainting.files import file_digest, folder_digest, read_json, write_json
from inpainting.inference.inpainter import Inpainter, load_inpainter
from inpainting.metrics.aggregate import mean_interval, per_sequence
from inpainting.metrics.regions import Regions
from inpainting.metrics.scores import score_clip
from inpainting.models.adapter import read_adapter_config
from inpainting.models.settings import ModelSettings
from inpainting.progress import tracked
from inpainting.settings import existing
from inpainting.validation.settings import ValidateCommand
from inpainting.video import masks
from inpainting.video.clips import choose_sequences, read_clip

log = logging.getLogger(__name__)


def validate(settings: ValidateCommand) -> None:
    """Write the means over the validation sequences, with their intervals, and each sequence's scores."""
    existing(settings.checkpoint, "--checkpoint", "a step-N folder that training wrote")
    chosen = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, "validation", settings.frames, settings.limit
    )
    scores = score_checkpoint(settings, chosen)
    means = {}
    for name in ("psnr_mask", "ssim_mask"):
        interval = mean_interval(scores[name], settings.seed)
        if interval.count == 0:
            raise InputError(f"no validation sequence has a pixel in its mask; {settings.split_file} needs others")
        means[name] = {"mean": interval.mean, "low": _or_none(interval.low), "high": _or_none(interval.high)}
    inputs = {
        "adapter": folder_digest(settings.checkpoint / "adapter"),
        "split": file_digest(settings.split_file),
        "manifest": file_digest(settings.manifest),
    }
    step = read_json(settings.checkpoint / "state.json")["step"]
    result = {
        "step": step,
        "criterion": settings.criterion,
        "scores": means,
        "sequences": [
            {"sequence": name, "psnr_mask": _or_none(psnr), "ssim_mask": _or_none(ssim)}
            for name, psnr, ssim in zip(scores["sequence"], scores["psnr_mask"], scores["ssim_mask"], strict=True)
        ],
        "provenance": provenance.describe(settings, inputs),
    }
    write_json(settings.out, result)
    log.info("step %d: %.2f dB, SSIM %.3f in the mask", step, means["psnr_mask"]["mean"], means["ssim_mask"]["mean"])


def score_checkpoint(settings: ValidateCommand, chosen: dict[str, int]) -> pd.DataFrame:
    """In-mask scores of the raw output, a row per sequence: see `metrics.aggregate.per_sequence`."""
    inpainter: Inpainter | None = None
    tables = []
    adapter = settings.checkpoint / "adapter"
    mask_settings, window_settings = read_adapter_config(adapter).masks, read_adapter_config(adapter).windows
    for name, frames in tracked(chosen.items(), "validate", "sequences", len(chosen)):
        clip = read_clip(settings.dataset, name, frames)
        if inpainter is None:
            inpainter = load_inpainter(
                settings.section(ModelSettings), adapter, clip.size, mask_settings, window_settings
            )
        seed = seeds.derive(settings.seed, "validation.noise", name)
        raw = inpainter.inpaint(clip.rgb, clip.mask, settings.steps, seed)
        table = score_clip(raw, clip.truth, Regions(masks.to_hole(clip.mask, mask_settings)))
        tables.append(table.assign(method="adapter", sequence=name, output="raw"))
    return per_sequence(pd.concat(tables, ignore_index=True))


def _or_none(value: float) -> float | None:
    return None if value != value else value
