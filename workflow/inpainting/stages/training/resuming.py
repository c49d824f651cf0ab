"""What a run resumes from: its own checkpoints, those of other settings if on_change allows it, or nothing."""

import logging
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inpainting.artifacts.training_summary import TRAINING_VERSION
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, file_digest, unused, value_digest
from inpainting.core.settings import Role, existing, names_of_role
from inpainting.stages.training import checkpoints
from inpainting.stages.training.checkpoints import Checkpoint
from inpainting.stages.training.checks import INDEX, PROMPT_FILE
from inpainting.stages.training.damaged_checkpoints import without_damaged
from inpainting.stages.training.running import LOCK_FILE
from inpainting.stages.training.settings import TrainCommand, TrainSettings

log = logging.getLogger(__name__)

FIXED_RATE_SCHEDULES = ("constant", "constant_with_warmup")
"""Schedules whose rates do not depend on the number of steps, so that a run can be made longer."""

ARCHITECTURE = names_of_role(TrainSettings, Role.ARCHITECTURE) | names_of_role(AdapterConfig, Role.ARCHITECTURE)
"""Settings that may not differ even with on_change continue, since the trained weights would not fit."""

DATA = "inputs.index"
"""Where fingerprints differ if the sequences, or their frames, do."""

OF_SETTINGS = ("settings", "precision", "seed", "adapter")
"""Parts of a fingerprint that are known before there are data."""

DIGEST_LENGTH, SHOWN_DIGITS = 64, 10
SHOWN_NAMES = 4


class Difference(NamedTuple):
    """A place where two fingerprints differ."""

    place: str
    before: Any
    now: Any

    @property
    def name(self) -> str:
        """The name of the setting or input: the last part of its place."""
        return self.place.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.name}: {_shown(self.before)} before, {_shown(self.now)} now"


def fingerprint(settings: TrainCommand, config: AdapterConfig, latents: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that shapes a step. Checkpoints with another fingerprint belong to another run.

    It includes the number of steps if the learning rates depend on it. latents: the settings that shaped them.
    """
    shaping = settings.section(TrainSettings).shaping()
    if settings.schedule in FIXED_RATE_SCHEDULES:
        del shaping["steps"]
    if settings.schedule == "constant":
        del shaping["warmup_steps"]
    index, prompt = existing(settings.index, *INDEX), existing(settings.prompt_file, *PROMPT_FILE)
    return {
        "settings": shaping,
        "precision": [settings.dtype, settings.mixed_precision],
        "seed": settings.seed,
        "adapter": config.shaping(),
        "latents": dict(latents),
        "inputs": {"index": file_digest(index), "prompt": file_digest(prompt)},
        "version": TRAINING_VERSION,
    }


def resumable(
    out: Path, now: dict[str, Any], wanted: Collection[int], on_change: str, held_out: Collection[str]
) -> Checkpoint | None:
    """The checkpoint to resume from, so that all `wanted` ones will exist, or None to start from the beginning.

    If all `wanted` ones exist, the run is done, and the last of them is returned. It stays done if only the data have
    changed, unless sequences that it was trained on are `held_out` now, for validation or test.

    Otherwise checkpoints with another fingerprint than `now` are refused with the differences (InputError); with
    `on_change` "restart" they are moved below <out>/previous/; with "continue" the run resumes from them, if they fit.
    Partial checkpoints that a killed run left are removed, damaged ones set aside (`damaged_checkpoints`).
    """
    folder = out / "checkpoints"
    for unfinished in folder.glob(".partial-*"):
        shutil.rmtree(unfinished)
    if not checkpoints.found(folder):
        return None
    try:
        existing = without_damaged(folder, wanted)
    except InputError:
        if on_change != "restart":
            raise
        _move_to_previous(out, "damaged")
        return None
    before = existing[-1].state.fingerprint
    changed = differences(before, now)
    done = set(wanted) <= {checkpoint.step for checkpoint in existing}
    if done and not held_out and not_of_settings(changed):
        return checkpoints.of_step(folder, max(wanted))
    if held_out:
        changed.append(Difference("split", f"{_some(held_out)} for training", "for validation or test"))
    resumed = checkpoints.latest(existing, wanted)
    if resumed is not None and not changed:
        return resumed
    if on_change == "restart":
        _move_to_previous(out, value_digest(before)[:8])
        return None
    if resumed is None:
        raise InputError(
            f"{out} lacks a checkpoint that save_every asks for, and no run can resume from those before it "
            "(keep_last); give the old save_every, or training.on_change: restart (--on-change restart), which moves "
            "the old run below previous/"
        )
    if on_change == "continue" and fit(changed):
        log.warning("resuming after step %d with other settings or data (%s)", resumed.step, listed(changed))
        return resumed
    raise InputError(f"{out} holds a run of other settings or data ({listed(changed)}); {_ways_out(changed)}")


def warn_if_refused(settings: TrainCommand, config: AdapterConfig) -> None:
    """Log that a training with these settings would refuse the run in its folder; the data are not compared."""
    found = checkpoints.found(settings.out / "checkpoints")
    if not found or settings.on_change != "refuse":
        return
    changed = differences(found[-1].state.fingerprint, fingerprint(settings, config, latents={}))
    if changed := [one for one in changed if one.place.partition(".")[0] in OF_SETTINGS]:
        log.warning(
            "%s holds a run of other settings (%s), so that the training would stop at once; move it away, or %s",
            settings.out,
            listed(changed),
            _ways_out(changed),
        )


def not_of_settings(changed: Collection[Difference]) -> bool:
    """Whether only the data differ, or nothing."""
    return all(one.place == DATA for one in changed)


def differences(before: Any, now: Any, place: str = "") -> list[Difference]:
    """All places where two fingerprints differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        parts = [differences(before.get(name), now.get(name), f"{place}.{name}" if place else name) for name in names]
        return [difference for part in parts for difference in part]
    return [] if before == now else [Difference(place, before, now)]


def fit(changed: Collection[Difference]) -> bool:
    """Whether the trained weights fit the new settings."""
    return not any(one.name in ARCHITECTURE for one in changed)


def listed(changed: Collection[Difference]) -> str:
    """Differences as text, each once, since a setting may be in several places of a fingerprint."""
    return "; ".join(dict.fromkeys(map(str, changed)))


def _some(names: Collection[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(sorted(names)[:SHOWN_NAMES]) + more


def _shown(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == DIGEST_LENGTH
    return value[:SHOWN_DIGITS] if is_digest else str(value)


def _ways_out(changed: Collection[Difference]) -> str:
    """What the user can do about a refusal."""
    ways = ["give the old settings and data"]
    if fit(changed):
        ways.append(
            "set training.on_change: continue (--on-change continue), which resumes from its last checkpoint with the "
            "new ones"
        )
    ways.append("set training.on_change: restart (--on-change restart), which moves the old run below previous/")
    advice = f"{', '.join(ways[:-1])}, or {ways[-1]}"
    if {one.place for one in changed} <= {"settings.steps", "settings.warmup_steps"}:
        schedules = " and ".join(FIXED_RATE_SCHEDULES)
        advice += f". With this schedule the rates depend on the number of steps; with {schedules} they do not"
    return advice


def _move_to_previous(out: Path, name: str) -> None:
    room = out / "previous"
    room.mkdir(exist_ok=True)
    with atomic_path(unused(room / name)) as temporary:
        temporary.mkdir()
        for path in sorted(out.iterdir()):
            if path not in (room, out / LOCK_FILE):
                path.rename(temporary / path.name)
