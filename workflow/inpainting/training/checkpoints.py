"""Checkpoints: folders that are complete or absent, with all that a run needs to go on as if it had never stopped.

    step-N/adapter/             what is exported, see models.adapter; with an average of the weights, the average
    step-N/trained.safetensors  with an average: the weights under training themselves
    step-N/optimizer.pt         states of optimizer, schedule and gradient scaler, read with weights_only
    step-N/state.json           step and fingerprint
Order, noise and timesteps follow from the seed and the step, so there is no random state to keep.
"""

import math
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.errors import InputError
from inpainting.files import atomic_path, read_json, value_digest, write_json
from inpainting.models.adapter import AdapterConfig, save_adapter
from inpainting.training.average import WeightAverage

NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint on disk."""

    folder: Path
    step: int

    @property
    def adapter(self) -> Path:
        """The adapter folder in it."""
        return self.folder / "adapter"

    @property
    def trained(self) -> Path:
        """The weights under training, where the adapter is their average."""
        return self.folder / "trained.safetensors"

    def optimizer_state(self) -> dict[str, Any]:
        """The states that `save` was given."""
        state: dict[str, Any] = torch.load(self.folder / "optimizer.pt", weights_only=True, map_location="cpu")
        return state


def save(
    checkpoints: Path,
    step: int,
    transformer: CogVideoXTransformer3DModel,
    config: AdapterConfig,
    prompt: Tensor,
    optimizer_state: dict[str, Any],
    average: WeightAverage,
    fingerprint: dict[str, Any],
) -> Checkpoint:
    """Write step-N below the folder `checkpoints`; `average` is of the transformer's weights."""
    folder = checkpoints / f"step-{step}"
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        with average.in_place():
            save_adapter(temporary / "adapter", transformer, config, prompt)
        average.save_trained(temporary / Checkpoint(folder, step).trained.name)
        torch.save(optimizer_state, temporary / "optimizer.pt")
        write_json(temporary / "state.json", {"step": step, "fingerprint": fingerprint})
    return Checkpoint(folder, step)


def latest(checkpoints: Path, wanted: Collection[int] = ()) -> Checkpoint | None:
    """The checkpoint of the highest step, by number, before the first `wanted` step that is absent; or None."""
    found = {int(match[1]): path for path in checkpoints.glob("step-*") if (match := NAME.fullmatch(path.name))}
    absent = min((step for step in wanted if step not in found), default=math.inf)
    step = max((step for step in found if step < absent), default=None)
    return None if step is None else Checkpoint(found[step], step)


def resumable(out: Path, fingerprint: dict[str, Any], wanted: Collection[int], on_change: str) -> Checkpoint | None:
    """The checkpoint to go on from, so that all `wanted` ones come to be, or None for a fresh start.

    Checkpoints of other settings are refused with the difference (InputError), or, with `on_change` "restart", put
    aside below <out>/previous/. What a kill left of a checkpoint that was being written is removed.
    """
    for unfinished in (out / "checkpoints").glob(".partial-*"):
        shutil.rmtree(unfinished)
    checkpoint = latest(out / "checkpoints")
    if checkpoint is None:
        return None
    before = read_json(checkpoint.folder / "state.json")["fingerprint"]
    changed = _differences(before, fingerprint)
    if not changed:
        return latest(out / "checkpoints", wanted)
    if on_change == "restart":
        _put_aside(out, value_digest(before)[:8])
        return None
    raise InputError(
        f"{out} holds a run of other settings ({'; '.join(changed)}); give another --out, the old settings, "
        "or --on-change restart, which puts the old run aside"
    )


def _differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Where two fingerprints differ, as `settings.rank: 4 there, 8 now`."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        parts = [_differences(before.get(name), now.get(name), f"{place}.{name}" if place else name) for name in names]
        return [difference for part in parts for difference in part]
    return [] if before == now else [f"{place}: {before} there, {now} now"]


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
