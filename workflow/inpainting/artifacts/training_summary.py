"""results/training/<experiment>/training.json: summary of a finished training. The last file of `inpaint train`."""

from typing import ClassVar

from inpainting.artifacts.formats import JsonFile, Provenance

TRAINING_VERSION = 1
"""Raised by hand when a training step changes on purpose; trainings of another version are made again."""


class TrainingSummary(JsonFile):
    """training.json."""

    wanted: ClassVar = "the training.json of `inpaint train`"

    experiment: str
    """Its name."""
    checkpoints: list[int]
    """Steps of the checkpoints that were kept."""
    windows: int
    """Training windows."""
    trainable_weights: int
    provenance: Provenance
