"""What a run goes on from: its own checkpoints, those of changed settings where it is told so, or nothing."""

import logging
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, file_digest, read_json, value_digest
from inpainting.stages.training import checkpoints
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.settings import PACE, TRAINING_VERSION, TrainCommand, TrainSettings

log = logging.getLogger(__name__)

UNENDING = ("constant", "constant_with_warmup")
"""Schedules whose rates do not depend on the number of steps: such runs can be made longer."""

STRUCTURE = (
    "adapter.channels",
    "adapter.lora.",
    "adapter.random_base",
    "adapter.transformer_digest",
    "settings.alpha",
    "settings.optimizer",
    "settings.rank",
    "settings.targets",
)
"""Where fingerprints may not differ even for a run that is told to go on: what was trained does not fit."""


class Difference(NamedTuple):
    """A place where two fingerprints differ."""

    place: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.place}: {self.before} there, {self.now} now"


def fingerprint(settings: TrainCommand, config: AdapterConfig) -> dict[str, Any]:
    """All that makes a step what it is. Checkpoints of another fingerprint are another run's.

    The number of steps is part of it where the rates fall towards the last one.
    """
    pace = PACE | {"steps"} if settings.schedule in UNENDING else PACE
    return {
        "settings": settings.section(TrainSettings).model_dump(mode="json", exclude=set(pace)),
        "precision": [settings.dtype, settings.mixed_precision],
        "seed": settings.seed,
        "adapter": config.model_dump(mode="json", exclude={"base"}),
        "inputs": {"index": file_digest(settings.index), "prompt": file_digest(settings.prompt_file)},
        "version": TRAINING_VERSION,
    }


def resumable(out: Path, now: dict[str, Any], wanted: Collection[int], on_change: str) -> Checkpoint | None:
    """The checkpoint to go on from, so that all `wanted` ones come to be, or None for a fresh start.

    Checkpoints of another fingerprint than `now` are refused with the difference (InputError); with `on_change`
    "restart" they are put aside below <out>/previous/; with "continue" they are gone on from, where they fit. What a
    kill left of a checkpoint that was being written is removed.
    """
    for unfinished in (out / "checkpoints").glob(".partial-*"):
        shutil.rmtree(unfinished)
    last = checkpoints.latest(out / "checkpoints")
    if last is None:
        return None
    before = read_json(last.folder / "state.json")["fingerprint"]
    changed = differences(before, now)
    resumed = last if changed else checkpoints.latest(out / "checkpoints", wanted)
    if not changed and resumed is not None:
        return resumed
    if on_change == "restart":
        _put_aside(out, value_digest(before)[:8])
        return None
    if not changed:
        raise InputError(
            f"{out} lacks a checkpoint of those that --save-every asks for, and none before it can be gone on from "
            "(--keep-last); give the old --save-every, another --out, or --on-change restart"
        )
    if on_change == "continue" and not any(one.place.startswith(STRUCTURE) for one in changed):
        log.warning("going on after step %d with other settings (%s)", last.step, _listed(changed))
        return last
    raise InputError(f"{out} holds a run of other settings ({_listed(changed)}); {_ways_out(changed)}")


def differences(before: Any, now: Any, place: str = "") -> list[Difference]:
    """Where two fingerprints differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        parts = [differences(before.get(name), now.get(name), f"{place}.{name}" if place else name) for name in names]
        return [difference for part in parts for difference in part]
    return [] if before == now else [Difference(place, before, now)]


def _listed(changed: list[Difference]) -> str:
    return "; ".join(map(str, changed))


def _ways_out(changed: list[Difference]) -> str:
    """What a refused user can do."""
    fit = not any(one.place.startswith(STRUCTURE) for one in changed)
    ways = ["another --out", "the old settings", "--on-change restart, which puts the old run aside"]
    ways += ["--on-change continue, which goes on from its last checkpoint with the new settings"] if fit else []
    advice = f"give {', '.join(ways[:-1])}, or {ways[-1]}"
    if [one.place for one in changed] == ["settings.steps"]:
        advice += f". With this schedule the rates depend on the last step; only {' and '.join(UNENDING)} are not"
        advice += " changed by more steps"
    return advice


def _put_aside(out: Path, name: str) -> None:
    room = out / "previous"
    room.mkdir(exist_ok=True)
    target = room / name
    number = 1
    while target.exists():
        number += 1
        target = room / f"{name}-{number}"
    with atomic_path(target) as temporary:
        temporary.mkdir()
        for path in sorted(out.iterdir()):
            if path != room:
                path.rename(temporary / path.name)
