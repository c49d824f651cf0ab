"""What both trainings share: the loop, the optimizers, the moving average of the weights, the checkpoint."""

import copy
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, write_json
from inpainting.core.progress import Progress
from inpainting.core.seeds import derive
from settings import TrainingSettings
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)

log = logging.getLogger(__name__)

GRADIENT_NORM = 1.0
"""Gradients are scaled down to this norm."""


class Optimizer:
    """Muon for weight matrices and convolution kernels, AdamW for the rest.

    Muon orthogonalises each update (Jordan et al., 2024; https://kellerjordan.github.io/posts/muon/); on these small
    models it learned faster than AdamW in the same time. torch's Muon takes matrices only, so it is given each kernel
    [out, ...] as a view [out, rest]. Weights with fewer than SMALLEST rows or columns go to AdamW.
    """

    SMALLEST = 8
    ADAM_SHARE = 0.1
    """AdamW's learning rate as a share of Muon's."""

    def __init__(self, model: nn.Module, rate: float) -> None:
        self.kernels: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for weight in model.parameters():
            matrix = weight.ndim >= 2 and min(len(weight), weight[0].numel()) >= self.SMALLEST
            (self.kernels if matrix else rest).append(weight)
        self.matrices = [nn.Parameter(kernel.detach().view(len(kernel), -1)) for kernel in self.kernels]
        self.muon = torch.optim.Muon(self.matrices, lr=rate, weight_decay=0.0, momentum=0.95, nesterov=True)
        self.adam = torch.optim.AdamW(rest, lr=self.ADAM_SHARE * rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.rates = (rate, self.ADAM_SHARE * rate)

    def step(self, factor: float) -> None:
        """Update the weights by their gradients, at this fraction of the learning rates."""
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.reshape(len(kernel), -1)
        for optimizer, rate in zip((self.muon, self.adam), self.rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * factor
            optimizer.step()


class Trainer(Generic[Model]):
    """A model in training. ema: the moving average of its weights; finished: steps done; curve: an entry a checkpoint.

    Raises InputError where the checkpoint was made with other settings.
    """

    def __init__(self, model: Model, settings: TrainingSettings, ema_decay: float, checkpoint: Path) -> None:
        self.model, self.settings, self.ema_decay, self.checkpoint = model, settings, ema_decay, checkpoint
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.optimizer = Optimizer(model, settings.rate)
        self.finished = 0
        self.curve: list[dict[str, float]] = []
        if checkpoint.exists():
            self._resume()

    def train(
        self,
        steps: int,
        loss_of: Callable[[int], Tensor],
        rate_factor: Callable[[int], float],
        measure: Callable[[Model], dict[str, float]],
    ) -> Model:
        """Train up to `steps` steps and return the averaged model.

        loss_of: the loss of a step; it depends on the step's number alone. rate_factor: its fraction of the learning
        rate. measure: figures of the averaged model, for the curve.
        """
        progress = Progress("training", "steps", steps, self.finished, every=60)
        losses: list[float] = []
        for step in range(self.finished, steps):
            losses.append(self._update(loss_of(step), rate_factor(step)))
            progress.step(note=f", loss {np.mean(losses[-50:]):.4f}")
            if self.finished % self.settings.checkpoint_every == 0 or self.finished == steps:
                figures = {"loss": float(np.mean(losses)), **measure(self.ema)}
                self.curve.append({"step": self.finished, **{name: round(value, 5) for name, value in figures.items()}})
                log.info("step %d: %s", step + 1, ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
                losses.clear()
                self._save()
        return self.ema

    def _update(self, loss: Tensor, rate_factor: float) -> float:
        """Update weights and average; raises InputError, before it does, where the gradients are not finite."""
        self.model.zero_grad()
        loss.backward()
        if not math.isfinite(torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM).item()):
            raise InputError(
                f"step {self.finished + 1}: the gradients are not finite; start again, in another folder, with a lower "
                'rate, or with mixed_precision: "no", which some CPUs\' bfloat16 needs'
            )
        self.optimizer.step(rate_factor)
        self.finished += 1
        decay = min(self.ema_decay, (1 + self.finished) / (10 + self.finished))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1 - decay)
        return loss.item()

    def _save(self) -> None:
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        about = {"settings": self.settings.model_dump(), "finished": self.finished, "curve": self.curve}
        with atomic_path(self.checkpoint) as temporary:
            torch.save({**parts, **about}, temporary)
        write_json(self.checkpoint.with_suffix(".json"), self.curve)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        if state["settings"] != self.settings.model_dump():
            raise InputError(f"{self.checkpoint} was made with other settings; give another folder or remove it")
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.finished, self.curve = state["finished"], state["curve"]
        log.info("going on from step %d", self.finished)

    def _parts(self) -> dict[str, Any]:
        """What has a state."""
        return {"model": self.model, "ema": self.ema, "muon": self.optimizer.muon, "adam": self.optimizer.adam}


def autocast(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """Inside, a model computes in the precision that the settings name; weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.mixed_precision == "bf16")


def generator(seed: int, purpose: str, step: int) -> torch.Generator:
    """The random numbers of one purpose at one step, the same whenever the step is reached."""
    return torch.Generator().manual_seed(derive(seed, purpose, step))


def annealed(step: int, steps: int, warmup: int, floor: float) -> float:
    """Learning rate factor: a linear rise over `warmup` steps, times a half cosine from 1 to `floor` over `steps`."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1)))
    return min(1.0, (step + 1) / warmup) * (floor + (1 - floor) * cosine)
