"""results/training/<experiment>/training.json: that a training is done. Written last by `inpaint train`."""

from typing import ClassVar

from inpainting.artifacts.formats import JsonFile, Provenance

TRAINING_VERSION = 1
"""Raised by hand when a step of training changes on purpose: what another version made is made anew."""


class TrainingSummary(JsonFile):
    """training.json."""

    wanted: ClassVar = "the training.json of `inpaint train`"

    experiment: str
    """Its name."""
    checkpoints: list[int]
    """Steps after which a checkpoint was kept."""
    windows: int
    """Windows that were trained on."""
    trainable_weights: int
    provenance: Provenance
