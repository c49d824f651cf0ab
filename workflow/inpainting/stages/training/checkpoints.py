"""Checkpoints: folders that are complete or absent, from which a run resumes as if it had never stopped.

    step-N/adapter/             the exported weights, see conditioning.adapter; with EMA, the averaged ones
    step-N/trained.safetensors  with EMA, the trained weights themselves
    step-N/optimizer.pt         states of optimizer and gradient scaler, read with weights_only
    step-N/probe.safetensors    what the exported weights predict, for validation's check, see models.parity
    step-N/state.json           CheckpointState: step, whether the checkpoint is kept, and its run's metadata
Order, noise and timesteps depend only on the seed and the step, so no random state is saved.
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
from inpainting.stages.training.ema import EmaWeights

NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint on disk."""

    folder: Path
    step: int

    @property
    def adapter(self) -> Path:
        """Its adapter folder."""
        return self.folder / "adapter"

    @property
    def trained(self) -> Path:
        """The trained weights, if the adapter holds their EMA."""
        return self.folder / "trained.safetensors"

    @property
    def optimizer(self) -> Path:
        """The optimizer's state; without it, no run can resume from here."""
        return self.folder / "optimizer.pt"

    @property
    def state(self) -> CheckpointState:
        """The content of state.json."""
        return read_state(self.folder)

    @property
    def lasts(self) -> bool:
        """Whether it is kept; one that was saved only because the run had to stop is removed after the next one."""
        return self.state.lasts

    def optimizer_state(self) -> dict[str, Any]:
        """The states of optimizer and gradient scaler, as given to `save`."""
        state: dict[str, Any] = torch.load(self.optimizer, weights_only=True, map_location="cpu")
        return state


def save(
    checkpoints: Path,
    step: int,
    transformer: CogVideoXTransformer3DModel,
    config: AdapterConfig,
    prompt: Tensor,
    optimizer_state: dict[str, Any],
    ema: EmaWeights,
    prediction: Tensor,
    metadata: Mapping[str, Any],
    lasts: bool = True,
) -> Checkpoint:
    """Write step-N below the folder `checkpoints`.

    prompt: float [1, tokens, width]; ema: of the transformer's weights; prediction: of `parity.predict` with the EMA
    weights in place, [1, latent frames, channels, rows, columns]; metadata: of the run, as fields of CheckpointState.
    """
    checkpoint = of_step(checkpoints, step)
    with atomic_path(checkpoint.folder) as temporary:
        temporary.mkdir()
        with ema.in_place():
            save_adapter(temporary / "adapter", transformer, config, prompt)
        write_prediction(temporary, prediction)
        ema.save_trained(temporary / checkpoint.trained.name)
        torch.save(optimizer_state, temporary / checkpoint.optimizer.name)
        CheckpointState(step=step, lasts=lasts, **metadata).write(temporary / STATE_FILE)
    return checkpoint


def found(checkpoints: Path) -> list[Checkpoint]:
    """The checkpoints below a folder, by step."""
    numbers = {int(match[1]): path for path in checkpoints.glob("step-*") if (match := NAME.fullmatch(path.name))}
    return [Checkpoint(numbers[step], step) for step in sorted(numbers)]


def of_step(checkpoints: Path, step: int) -> Checkpoint:
    """The checkpoint of a step that is there."""
    return Checkpoint(checkpoints / f"step-{step}", step)


def latest(checkpoints: Path, wanted: Collection[int] = ()) -> Checkpoint | None:
    """The last checkpoint that a run can resume from, before the first absent `wanted` step; or None."""
    steps = {checkpoint.step: checkpoint for checkpoint in found(checkpoints)}
    absent = min((step for step in wanted if step not in steps), default=math.inf)
    before = [checkpoint for step, checkpoint in steps.items() if step < absent and checkpoint.optimizer.is_file()]
    return before[-1] if before else None


def thin(checkpoints: Path, keep_last: int, wanted: Collection[int]) -> None:
    """Remove what is no longer needed after a checkpoint has been saved.

    Of all but the last `keep_last` checkpoints, only the adapters are kept, for validation to choose the best of them.
    A checkpoint that does not last is removed, unless it is the last one or `wanted` by now.
    """
    every = found(checkpoints)
    for checkpoint in every[:-1]:
        if not checkpoint.lasts and checkpoint.step not in wanted:
            shutil.rmtree(checkpoint.folder)
    for checkpoint in found(checkpoints)[:-keep_last]:
        checkpoint.optimizer.unlink(missing_ok=True)
        checkpoint.trained.unlink(missing_ok=True)
