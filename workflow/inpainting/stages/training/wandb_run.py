"""Weights & Biases, where it is installed and asked for: the same rows and pictures as in TensorBoard."""

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpainting.core.errors import UsageError
from inpainting.core.files import value_digest
from inpainting.stages.training.settings import TrainCommand


def check_wandb(settings: TrainCommand) -> None:
    """Raise UsageError where it is asked for and not installed."""
    if settings.wandb_project is not None and importlib.util.find_spec("wandb") is None:
        raise UsageError(
            f"--wandb-project: {settings.wandb_project} was given, but the package wandb is not installed; "
            "`pip install wandb`, or leave the option out"
        )


class WandbRun:
    """A run of Weights & Biases; a training that goes on goes on in the run of the same folder."""

    def __init__(self, settings: TrainCommand) -> None:
        import wandb

        place = value_digest(str(settings.out.resolve()))[:8]
        self._image: Any = wandb.Image
        self._run = wandb.init(
            project=settings.wandb_project,
            name=settings.experiment,
            id=f"{settings.experiment}-{place}",
            resume="allow",
            dir=str(settings.out),
            config=settings.model_dump(mode="json"),
        )

    def scalars(self, room: str, step: int, values: dict[str, float]) -> None:
        """Log values by name."""
        self._run.log({f"{room}/{name}": value for name, value in values.items() if name != "step"}, step=step)

    def pictures(self, room: str, step: int, pictures: dict[str, NDArray[np.uint8]]) -> None:
        """Log pictures, uint8 [height, width, 3], by name."""
        self._run.log({f"{room}/{name}": self._image(picture) for name, picture in pictures.items()}, step=step)

    def close(self) -> None:
        """Write out what is held back."""
        self._run.finish()
