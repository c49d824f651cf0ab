"""results/training/<experiment>/checkpoints/step-N/state.json: which run a checkpoint is of, and where that was.

Written by `inpaint train` with the other files of a checkpoint; read by a run that goes on, by validation and export.
"""

from pathlib import Path
from typing import Any, ClassVar

from inpainting.artifacts.formats import JsonFile, Provenance

STATE_FILE = "state.json"


class CheckpointState(JsonFile):
    """state.json of a checkpoint."""

    wanted: ClassVar = "a checkpoint of `inpaint train`"

    step: int
    """Updates made."""
    lasts: bool
    """Whether it stays once there is a later one."""
    fingerprint: dict[str, Any]
    """All that makes a step what it is; checkpoints of another fingerprint are another run's."""
    windows: int
    """Windows that the run is trained on."""
    trainable_weights: int
    provenance: Provenance
    """The run's; how many steps it has is no part of it."""


def read_state(checkpoint: Path) -> CheckpointState:
    """The state in a step-N folder; raises InputError where it is absent or damaged."""
    return CheckpointState.read(checkpoint / STATE_FILE)
