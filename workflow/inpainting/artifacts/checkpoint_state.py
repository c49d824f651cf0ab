"""results/training/<experiment>/checkpoints/step-N/state.json: the training that a checkpoint belongs to, and its step.

Written by `inpaint train` with the other files of a checkpoint; read when training resumes, by validation and export.
"""

from pathlib import Path
from typing import Any, ClassVar

from inpainting.artifacts.formats import JsonFile, Provenance

STATE_FILE = "state.json"
OPTIMIZER_FILE = "optimizer.pt"
"""Beside it, in checkpoints that a training can go on from: the optimizer's state, read with weights_only."""


class CheckpointState(JsonFile):
    """state.json of a checkpoint."""

    wanted: ClassVar = "a checkpoint of `inpaint train`"

    step: int
    """Updates so far."""
    lasts: bool
    """Whether the checkpoint is kept when there is a later one."""
    fingerprint: dict[str, Any]
    """Everything that affects a training step; training resumes only from a checkpoint with the same fingerprint."""
    windows: int
    """Training windows."""
    trainable_weights: int
    provenance: Provenance
    """Of the training, without its number of steps."""


def read_state(checkpoint: Path) -> CheckpointState:
    """Read the state in a step-N folder; raises InputError if it is absent or damaged."""
    return CheckpointState.read(checkpoint / STATE_FILE)
