"""The code of both trainings: loop, optimizers, moving average of the weights (EMA), checkpoint."""

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
"""Gradients with a larger norm are scaled down to it."""


class MuonWithAdamW:
    """Muon for weight matrices and convolution kernels, AdamW for the rest.

    Muon orthogonalises each update (Jordan et al., 2024; https://kellerjordan.github.io/posts/muon/); on these small
    models it trained faster than AdamW. torch's Muon takes matrices only, so each kernel
    [out, ...] is passed as a view [out, rest].
    """

    MIN_MUON_SIZE = 8
    """Matrices with fewer rows or columns are updated by AdamW."""
    ADAM_RATE_FACTOR = 0.1
    """AdamW's learning rate as a fraction of Muon's."""

    def __init__(self, model: nn.Module, rate: float) -> None:
        self.kernels: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for weight in model.parameters():
            matrix = weight.ndim >= 2 and min(len(weight), weight[0].numel()) >= self.MIN_MUON_SIZE
            (self.kernels if matrix else rest).append(weight)
        self.matrices = [nn.Parameter(kernel.detach().view(len(kernel), -1)) for kernel in self.kernels]
        self.muon = torch.optim.Muon(self.matrices, lr=rate, weight_decay=0.0, momentum=0.95, nesterov=True)
        self.adam = torch.optim.AdamW(rest, lr=self.ADAM_RATE_FACTOR * rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.rates = (rate, self.ADAM_RATE_FACTOR * rate)

    def step(self, factor: float) -> None:
        """Update the weights; `factor` multiplies both learning rates."""
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.reshape(len(kernel), -1)
        for optimizer, rate in zip((self.muon, self.adam), self.rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * factor
            optimizer.step()


class Trainer(Generic[Model]):
    """A model in training. Resumes from the checkpoint if it exists.

    ema: a copy of the model with the moving average of its weights. finished: number of steps done. curve: measurements
    at each checkpoint. Raises InputError if the checkpoint was made with other settings.
    """

    def __init__(self, model: Model, settings: TrainingSettings, ema_decay: float, checkpoint: Path) -> None:
        self.model, self.settings, self.ema_decay, self.checkpoint = model, settings, ema_decay, checkpoint
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.optimizer = MuonWithAdamW(model, settings.rate)
        self.finished = 0
        self.curve: list[dict[str, float]] = []
        if checkpoint.exists():
            self._resume()

    def train(
        self,
        steps: int,
        compute_loss: Callable[[int], Tensor],
        rate_factor: Callable[[int], float],
        measure: Callable[[Model], dict[str, float]],
    ) -> Model:
        """Train up to `steps` steps and return the averaged model.

        compute_loss: the scalar loss of a step, whose random numbers depend only on the step's number. rate_factor: the
        factor of a step's learning rates. measure: measurements of the averaged model by name, for the curve.
        """
        progress = Progress("training", "steps", steps, self.finished, every=60)
        losses: list[float] = []
        for step in range(self.finished, steps):
            losses.append(self._update(compute_loss(step), rate_factor(step)))
            progress.step(note=f", loss {np.mean(losses[-50:]):.4f}")
            if self.finished % self.settings.checkpoint_every == 0 or self.finished == steps:
                scores = {"loss": float(np.mean(losses)), **measure(self.ema)}
                self.curve.append({"step": self.finished, **{name: round(value, 5) for name, value in scores.items()}})
                log.info("step %d: %s", step + 1, ", ".join(f"{name} {value:.4g}" for name, value in scores.items()))
                losses.clear()
                self._save()
        return self.ema

    def _update(self, loss: Tensor, rate_factor: float) -> float:
        """Update the weights and their average. Raises InputError, before the update, if a gradient is not finite."""
        self.model.zero_grad()
        loss.backward()
        if not math.isfinite(torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM).item()):
            raise InputError(
                f"step {self.finished + 1}: the gradients are not finite; start again in another folder with a lower "
                'rate, or, on a CPU with inaccurate bfloat16, with mixed_precision: "no"'
            )
        self.optimizer.step(rate_factor)
        self.finished += 1
        decay = min(self.ema_decay, (1 + self.finished) / (10 + self.finished))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1 - decay)
        return loss.item()

    def _save(self) -> None:
        states = {name: item.state_dict() for name, item in self._stateful().items()}
        metadata = {"settings": self.settings.model_dump(), "finished": self.finished, "curve": self.curve}
        with atomic_path(self.checkpoint) as temporary:
            torch.save({**states, **metadata}, temporary)
        write_json(self.checkpoint.with_suffix(".json"), self.curve)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        if state["settings"] != self.settings.model_dump():
            raise InputError(f"{self.checkpoint} was made with other settings; give another folder or remove it")
        for name, item in self._stateful().items():
            item.load_state_dict(state[name])
        self.finished, self.curve = state["finished"], state["curve"]
        log.info("continuing after step %d", self.finished)

    def _stateful(self) -> dict[str, Any]:
        """The checkpoint's models and optimizers by name."""
        return {"model": self.model, "ema": self.ema, "muon": self.optimizer.muon, "adam": self.optimizer.adam}


def autocast(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """A context in which models compute in the precision of the settings; weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.mixed_precision == "bf16")


def generator(seed: int, purpose: str, step: int) -> torch.Generator:
    """A generator seeded by seed, purpose and step, so that a resumed training draws the same numbers."""
    return torch.Generator().manual_seed(derive(seed, purpose, step))


def learning_rate_factor(step: int, steps: int, warmup: int, floor: float) -> float:
    """Linear warm-up over `warmup` steps times a cosine decay from 1 to `floor` over `steps`."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1)))
    return min(1.0, (step + 1) / warmup) * (floor + (1 - floor) * cosine)
