"""Checkpoints: folders that are complete or absent, from which a run resumes as if it had never stopped.

    step-N/adapter/             the exported weights, see conditioning.adapter; with EMA, the averaged ones
    step-N/trained.safetensors  with EMA, the trained weights themselves
    step-N/optimizer.pt         states of optimizer and gradient scaler, read with weights_only
    step-N/probe.safetensors    what the exported weights predict, for validation's check, see models.parity
    step-N/state.json           CheckpointState: step, whether the checkpoint is kept, and its run's metadata
    step-N/SHA256SUMS           digests of all these files, written last; absent in checkpoints of earlier versions
Order, noise and timesteps depend only on the seed and the step, so no random state is saved.
"""

import logging
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

from inpainting.artifacts.checkpoint_state import OPTIMIZER_FILE, STATE_FILE, CheckpointState, read_state
from inpainting.artifacts.formats import reading
from inpainting.conditioning.adapter import AdapterConfig, save_adapter
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.core.sums import SUMS_FILE, damage, summed, write_sums
from inpainting.models.parity import write_prediction
from inpainting.stages.training.ema import EmaWeights

log = logging.getLogger(__name__)

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
        return self.folder / OPTIMIZER_FILE

    @property
    def state(self) -> CheckpointState:
        """The content of state.json."""
        return read_state(self.folder)

    @property
    def lasts(self) -> bool:
        """Whether it is kept; one that was saved only because the run had to stop is removed after the next one."""
        try:
            return self.state.lasts
        except InputError:  # damaged: not to be removed unseen
            return True

    def files(self) -> set[str]:
        """Relative names of its files, except hidden ones and SHA256SUMS."""
        names = {path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()}
        return {str(name) for name in names if not any(part.startswith(".") for part in name.parts)} - {SUMS_FILE}

    def damage(self) -> str | None:
        """What is wrong with its files, as the start of a sentence; None if nothing is.

        If its optimizer's state was removed, by `thin`, the trained weights may be missing as well.
        """
        names = summed(self.folder) | self.files()
        if not self.optimizer.is_file():
            names -= {self.optimizer.name, self.trained.name}
        if wrong := damage(self.folder, names):
            return wrong
        try:
            read_state(self.folder)
        except InputError as error:
            return str(error).partition(";")[0]
        return None

    def optimizer_state(self) -> dict[str, Any]:
        """The states of optimizer and gradient scaler, as given to `save`; raises InputError if they are damaged."""
        with reading(self.optimizer, "an undamaged copy, or remove this checkpoint to resume from the one before it"):
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
        write_sums(temporary, Checkpoint(temporary, step).files())
    return checkpoint


def found(checkpoints: Path) -> list[Checkpoint]:
    """The checkpoints below a folder, by step."""
    numbers = {int(match[1]): path for path in checkpoints.glob("step-*") if (match := NAME.fullmatch(path.name))}
    return [Checkpoint(numbers[step], step) for step in sorted(numbers)]


def of_step(checkpoints: Path, step: int) -> Checkpoint:
    """The checkpoint of a step that is there."""
    return Checkpoint(checkpoints / f"step-{step}", step)


def latest(existing: Collection[Checkpoint], wanted: Collection[int] = ()) -> Checkpoint | None:
    """The last of the checkpoints that a run can resume from, before the first absent `wanted` step; or None."""
    steps = {checkpoint.step: checkpoint for checkpoint in existing}
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
