"""The moving average of what trains: its weights are what is exported, those under training are what goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file
from torch.nn import Parameter


class WeightAverage:
    """Exponential moving average over the updates, or, with a decay of 0, the weights themselves.

    Its decay at the update of number n is min(decay, n / (n + 9)), so that an early average is not the start's; the
    first update's weights begin it.
    """

    def __init__(self, parameters: dict[str, Parameter], decay: float) -> None:
        self.parameters = parameters
        self.average = EMAModel(parameters.values(), decay=decay, foreach=True) if decay else None

    def update(self) -> None:
        """Take in the weights after an update."""
        if self.average:
            self.average.step(self.parameters.values())

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the model has the averaged weights."""
        if not self.average:
            yield
            return
        trained = [parameter.detach().clone() for parameter in self.parameters.values()]
        self.average.copy_to(self.parameters.values())
        try:
            yield
        finally:
            for parameter, weight in zip(self.parameters.values(), trained, strict=True):
                parameter.data.copy_(weight)

    def save_trained(self, path: Path) -> None:
        """Write the weights under training, where they are not those that are exported; path: a .safetensors file."""
        if self.average:
            save_file({name: p.detach().contiguous() for name, p in self.parameters.items()}, path)

    def resume(self, path: Path, step: int) -> None:
        """Take up the average after `step` updates, which the model has been loaded with, and the trained weights.

        Without a file at `path` there was no average, and the loaded weights are those under training.
        """
        if self.average:
            self.average.shadow_params = [parameter.detach().clone() for parameter in self.parameters.values()]
            self.average.optimization_step = step
        if path.is_file():
            for name, weight in load_file(path).items():
                self.parameters[name].data.copy_(weight)
