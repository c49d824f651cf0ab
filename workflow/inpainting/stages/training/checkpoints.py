"""Checkpoints: folders that are complete or absent, with all that a run needs to go on as if it had never stopped.

    step-N/adapter/             what is exported, see models.adapter; with an average of the weights, the average
    step-N/trained.safetensors  with an average: the weights under training themselves
    step-N/optimizer.pt         states of optimizer and gradient scaler, read with weights_only
    step-N/probe.safetensors    what the exported weights predict, for validation to compare with, see models.probe
    step-N/state.json           CheckpointState: step, whether the checkpoint lasts, and about its run
Order, noise and timesteps follow from the seed and the step, so there is no random state to keep.
"""

import math
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.artifacts.checkpoint_state import STATE_FILE, CheckpointState, read_state
from inpainting.conditioning.adapter import AdapterConfig, save_adapter
from inpainting.core.files import atomic_path
from inpainting.models.parity import write_prediction
from inpainting.stages.training.ema import WeightAverage

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

    @property
    def optimizer(self) -> Path:
        """The optimizer's state; without it, no run can go on from here."""
        return self.folder / "optimizer.pt"

    @property
    def state(self) -> CheckpointState:
        """What state.json says."""
        return read_state(self.folder)

    @property
    def lasts(self) -> bool:
        """Whether it stays; one that was made because the run had to stop goes once there is a later one."""
        return self.state.lasts

    def optimizer_state(self) -> dict[str, Any]:
        """The states that `save` was given."""
        state: dict[str, Any] = torch.load(self.optimizer, weights_only=True, map_location="cpu")
        return state


def save(
    checkpoints: Path,
    step: int,
    transformer: CogVideoXTransformer3DModel,
    config: AdapterConfig,
    prompt: Tensor,
    optimizer_state: dict[str, Any],
    average: WeightAverage,
    prediction: Tensor,
    about: Mapping[str, Any],
    lasts: bool = True,
) -> Checkpoint:
    """Write step-N below the folder `checkpoints`.

    average: of the transformer's weights; prediction: what `parity.predict` gave with the average in place; about: what
    `CheckpointState` says of the run.
    """
    checkpoint = of_step(checkpoints, step)
    with atomic_path(checkpoint.folder) as temporary:
        temporary.mkdir()
        with average.in_place():
            save_adapter(temporary / "adapter", transformer, config, prompt)
        write_prediction(temporary, prediction)
        average.save_trained(temporary / checkpoint.trained.name)
        torch.save(optimizer_state, temporary / checkpoint.optimizer.name)
        CheckpointState(step=step, lasts=lasts, **about).write(temporary / STATE_FILE)
    return checkpoint


def found(checkpoints: Path) -> list[Checkpoint]:
    """The checkpoints below a folder, by step."""
    numbers = {int(match[1]): path for path in checkpoints.glob("step-*") if (match := NAME.fullmatch(path.name))}
    return [Checkpoint(numbers[step], step) for step in sorted(numbers)]


def of_step(checkpoints: Path, step: int) -> Checkpoint:
    """The checkpoint of a step that is there."""
    return Checkpoint(checkpoints / f"step-{step}", step)


def latest(checkpoints: Path, wanted: Collection[int] = ()) -> Checkpoint | None:
    """The last checkpoint before the first `wanted` step that is absent, if a run can go on from it; or None."""
    steps = {checkpoint.step: checkpoint for checkpoint in found(checkpoints)}
    absent = min((step for step in wanted if step not in steps), default=math.inf)
    before = [checkpoint for step, checkpoint in steps.items() if step < absent and checkpoint.optimizer.is_file()]
    return before[-1] if before else None


def thin(checkpoints: Path, keep_last: int, wanted: Collection[int]) -> None:
    """Remove what is no longer needed, once a checkpoint has been saved.

    That is, of all but the last `keep_last`, what only a run that goes on needs: the adapters stay, for validation to
    choose the best among them. A checkpoint that does not last goes whole, unless it is the last or `wanted` by now.
    """
    every = found(checkpoints)
    for checkpoint in every[:-1]:
        if not checkpoint.lasts and checkpoint.step not in wanted:
            shutil.rmtree(checkpoint.folder)
    for checkpoint in found(checkpoints)[:-keep_last]:
        checkpoint.optimizer.unlink(missing_ok=True)
        checkpoint.trained.unlink(missing_ok=True)
