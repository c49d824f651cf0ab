"""The exponential moving average (EMA) of the trained weights, which is what checkpoints export."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file
from torch.nn import Parameter

from inpainting.artifacts.formats import reading


class EmaWeights:
    """Exponential moving average of the weights over the updates; with a decay of 0, the weights themselves.

    It starts from the weights after update 1. The decay at update n is min(decay, n / (n + 9)), so that early averages
    are not dominated by them.
    """

    def __init__(self, parameters: dict[str, Parameter], decay: float) -> None:
        self.parameters = parameters
        self.average = EMAModel(parameters.values(), decay=decay, foreach=True) if decay else None

    def update(self) -> None:
        """Average in the weights after an update."""
        if self.average:
            self.average.step(self.parameters.values())

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context, the model has the averaged weights."""
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
        """Write the trained weights to a .safetensors file, unless they are the exported ones (a decay of 0)."""
        if self.average:
            save_file({name: p.detach().contiguous() for name, p in self.parameters.items()}, path)

    def resume(self, path: Path, step: int) -> None:
        """Restore the average after `step` updates, which the model has been loaded with, and the trained weights.

        path: what `save_trained` wrote. If there is no such file, the loaded weights are the trained ones.
        """
        if self.average:
            self.average.shadow_params = [parameter.detach().clone() for parameter in self.parameters.values()]
            self.average.optimization_step = step
        if path.is_file():
            with reading(path, "an undamaged copy, or remove this checkpoint to resume from the one before it"):
                trained = load_file(path)
            for name, weight in trained.items():
                self.parameters[name].data.copy_(weight)
