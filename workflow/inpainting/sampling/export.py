"""`inpaint export`: an adapter as one folder to publish, with a model card."""

import logging
from pathlib import Path
from typing import Any

from inpainting.artifacts.best import read_adapter_scores
from inpainting.artifacts.checkpoint_state import STATE_FILE, read_state
from inpainting.conditioning import adapter as adapters
from inpainting.core import provenance
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import atomic_path, file_digest, write_json
from inpainting.core.settings import existing
from inpainting.models.adapter_files import adapter_digest, adapter_files, copy_adapter
from inpainting.sampling.card import model_card
from inpainting.sampling.on_disk import full_disk_reported
from inpainting.sampling.settings import ExportCommand

log = logging.getLogger(__name__)

CARD_FILE, PROVENANCE_FILE = "README.md", "provenance.json"


def export(settings: ExportCommand) -> None:
    """Write the adapter's files, bit for bit, with provenance.json and a model card, README.md.

    Raises UsageError if there is no adapter or --out is another folder, InputError if the adapter is damaged or the
    scores belong to another one.
    """
    adapter = _adapter_folder(existing(settings.checkpoint, "--checkpoint", "a step-N folder or an adapter"))
    config = adapters.read_adapter_config(adapter)
    if settings.out.exists() and not (settings.out / adapters.CONFIG_FILE).is_file():
        raise UsageError(f"--out: {settings.out} exists and is not an exported adapter; give a new folder")
    record = {
        "adapter": {name: file_digest(adapter / name) for name in adapter_files(adapter)},
        "training": _training(settings.checkpoint),
        "validation": _validation(settings.scores, adapter),
        "versions": provenance.versions(),
    }
    with full_disk_reported(settings.out), atomic_path(settings.out) as temporary:
        temporary.mkdir()
        copy_adapter(adapter, temporary)
        write_json(temporary / PROVENANCE_FILE, record)
        (temporary / CARD_FILE).write_text(model_card(settings.out.name, config, record), encoding="utf-8")
    log.info("written: %s", settings.out)


def _adapter_folder(checkpoint: Path) -> Path:
    inner = checkpoint / "adapter"
    return inner if inner.is_dir() else checkpoint


def _training(checkpoint: Path) -> dict[str, Any] | None:
    """Step and settings of the training, or None if the folder is not a checkpoint of a training."""
    if not (checkpoint / STATE_FILE).is_file():
        return None
    state = read_state(checkpoint)
    return {"step": state.step, **state.fingerprint}


def _validation(path: Path | None, adapter: Path) -> list[dict[str, Any]] | None:
    """Means with intervals for each validated number of denoising steps; raises InputError for another adapter's."""
    if path is None:
        return None
    scored, runs = read_adapter_scores(path, "--scores")
    if scored != adapter_digest(adapter):
        raise InputError(f"--scores: {path} has the scores of another adapter than {adapter}; give its own")
    return [
        {"sampling_steps": steps, "scores": {name: score.model_dump() for name, score in scores.items()}}
        for steps, scores in runs
    ]
