"""What a run goes on from: its own checkpoints, those of changed settings where it is told so, or nothing."""

import logging
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inpainting.artifacts.training_summary import TRAINING_VERSION
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, file_digest, value_digest
from inpainting.core.settings import Role, names_of_role
from inpainting.stages.training import checkpoints
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.running import LOCK_FILE
from inpainting.stages.training.settings import TrainCommand, TrainSettings

log = logging.getLogger(__name__)

UNENDING = ("constant", "constant_with_warmup")
"""Schedules whose rates do not depend on the number of steps: such runs can be made longer."""

ARCHITECTURE = names_of_role(TrainSettings, Role.ARCHITECTURE) | names_of_role(AdapterConfig, Role.ARCHITECTURE)
"""What may not differ even for a run that is told to go on: what was trained does not fit."""

DATA = "inputs.index"
"""Where the fingerprints of trainings on other sequences, or other frames of them, differ."""

DIGEST_LENGTH, SHOWN_DIGITS = 64, 10
SHOWN_NAMES = 4


class Difference(NamedTuple):
    """A place where two fingerprints differ."""

    place: str
    before: Any
    now: Any

    @property
    def name(self) -> str:
        """What the setting or input is called, by its place's last part."""
        return self.place.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.name}: {_shown(self.before)} before, {_shown(self.now)} now"


def fingerprint(settings: TrainCommand, config: AdapterConfig, latents: Mapping[str, Any]) -> dict[str, Any]:
    """All that makes a step what it is. Checkpoints of another fingerprint are another run's.

    The number of steps is part of it where the rates fall towards the last one. latents: the settings that shaped them.
    """
    shaping = settings.section(TrainSettings).shaping()
    if settings.schedule in UNENDING:
        del shaping["steps"]
    return {
        "settings": shaping,
        "precision": [settings.dtype, settings.mixed_precision],
        "seed": settings.seed,
        "adapter": config.shaping(),
        "latents": dict(latents),
        "inputs": {"index": file_digest(settings.index), "prompt": file_digest(settings.prompt_file)},
        "version": TRAINING_VERSION,
    }


def resumable(
    out: Path, now: dict[str, Any], wanted: Collection[int], on_change: str, held_out: Collection[str] = ()
) -> Checkpoint | None:
    """The checkpoint to go on from, so that all `wanted` ones come to be, or None for a fresh start.

    Where all `wanted` ones are there, the run is done, and the last of them is returned. It stays done when the data
    alone have changed, unless sequences that it was trained on are `held_out` now, for validation or test.

    Else checkpoints of another fingerprint than `now` are refused with the difference (InputError); with `on_change`
    "restart" they are put aside below <out>/previous/; with "continue" they are gone on from, where they fit. What a
    kill left of a checkpoint that was being written is removed.
    """
    folder = out / "checkpoints"
    for unfinished in folder.glob(".partial-*"):
        shutil.rmtree(unfinished)
    there = checkpoints.found(folder)
    if not there:
        return None
    before = there[-1].state.fingerprint
    changed = differences(before, now)
    done = set(wanted) <= {checkpoint.step for checkpoint in there}
    if done and not held_out and not_of_settings(changed):
        return checkpoints.of_step(folder, max(wanted))
    if held_out:
        changed.append(Difference("split", f"{_some(held_out)} for training", "for validation or test"))
    resumed = checkpoints.latest(folder, wanted)
    if resumed is not None and not changed:
        return resumed
    if on_change == "restart":
        _put_aside(out, value_digest(before)[:8])
        return None
    if resumed is None:
        raise InputError(
            f"{out} lacks a checkpoint of those that save_every asks for, and none before it can be gone on from "
            "(keep_last); give the old save_every, or training.on_change: restart (--on-change restart), which puts "
            "the old run aside"
        )
    if on_change == "continue" and fit(changed):
        log.warning("going on after step %d with other settings or data (%s)", resumed.step, listed(changed))
        return resumed
    raise InputError(f"{out} holds a run of other settings or data ({listed(changed)}); {_ways_out(changed)}")


def not_of_settings(changed: Collection[Difference]) -> bool:
    """Whether the data alone differ, or nothing."""
    return all(one.place == DATA for one in changed)


def differences(before: Any, now: Any, place: str = "") -> list[Difference]:
    """Where two fingerprints differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        parts = [differences(before.get(name), now.get(name), f"{place}.{name}" if place else name) for name in names]
        return [difference for part in parts for difference in part]
    return [] if before == now else [Difference(place, before, now)]


def fit(changed: Collection[Difference]) -> bool:
    """Whether what was trained before fits what is to be trained now."""
    return not any(one.name in ARCHITECTURE for one in changed)


def listed(changed: Collection[Difference]) -> str:
    """Differences as a person reads them, each once: a setting may count in several places of a fingerprint."""
    return "; ".join(dict.fromkeys(map(str, changed)))


def _some(names: Collection[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(sorted(names)[:SHOWN_NAMES]) + more


def _shown(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == DIGEST_LENGTH
    return value[:SHOWN_DIGITS] if is_digest else str(value)


def _ways_out(changed: Collection[Difference]) -> str:
    """What a refused user can do."""
    ways = ["give what it was begun with"]
    if fit(changed):
        ways.append(
            "set training.on_change: continue (--on-change continue), which goes on from its last checkpoint with what "
            "is given now"
        )
    ways.append("set training.on_change: restart (--on-change restart), which puts the old run aside")
    advice = f"{', '.join(ways[:-1])}, or {ways[-1]}"
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
            if path not in (room, out / LOCK_FILE):
                path.rename(temporary / path.name)
