"""A pretraining run: a model, its moving average, its optimizer and its curve, saved together and taken up again."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, read_json, write_json
from inpainting.core.seeds import derive
from inpainting.models.loading import resolve_device
from inpainting.pretraining.optimizer import Optimizer
from inpainting.pretraining.recording import Recorded
from inpainting.pretraining.settings import ComputingSettings

Model = TypeVar("Model", bound=nn.Module)
Item = TypeVar("Item")

log = logging.getLogger(__name__)

GRADIENT_NORM = 1.0
"""Gradients are scaled down to this norm."""


class Run(Generic[Model]):
    """Training state of one model.

    step: number of finished steps; average: moving average of the weights, by name; curve: one entry per `note`.
    """

    def __init__(self, model: Model, rate: float, folder: Path, decay: float) -> None:
        self.model, self.folder, self.decay = model, folder, decay
        self.optimizer = Optimizer(model.parameters(), rate)
        self.average = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        self.weights = [weight.detach() for weight in model.parameters()]
        self.before = [weight.clone() for weight in self.weights]
        self.kind: Hashable = None
        self.recorded: Recorded
        self.step = 0
        self.curve: list[dict[str, Any]] = []

    def train(self, kind: Hashable, loss_of: Callable[..., Tensor], inputs: Sequence[Tensor], factor: float) -> float:
        """One step of training: gradients, weights, average; returns the loss, `loss_of(*inputs)`.

        kind: what the step shares with others of the same inputs' shapes and the same `loss_of`, which a GPU then
        replays (see Recorded). factor: scales the learning rate.
        Raises InputError where the gradients are not finite; weights and the last checkpoint are as they were.
        """
        if kind != self.kind:
            self.kind, self.recorded = kind, Recorded(partial(self._update, loss_of))
        loss, norm = (value.item() for value in self.recorded(*inputs))
        if not math.isfinite(norm):
            torch._foreach_copy_(self.weights, self.before)
            raise InputError(
                f"step {self.step + 1}: the gradients are not finite; run it again with a lower --rate, or with "
                "--mixed-precision no, which some CPUs' bfloat16 needs; it goes on from the last checkpoint"
            )
        torch._foreach_lerp_(self.weights, self.before, 1 - factor)
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.values()), self.weights, 1 - decay)
        return loss

    def _update(self, loss_of: Callable[..., Tensor], *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Update the weights at the full learning rate; returns the loss and the gradients' norm."""
        torch._foreach_copy_(self.before, self.weights)
        self.optimizer.zero_grad()
        loss = loss_of(*inputs)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimizer.step()
        return loss.detach(), norm

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has the averaged weights."""
        trained = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}
        self.adopt(self.average)
        try:
            yield
        finally:
            self.adopt(trained)

    @torch.no_grad()
    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Copy those of the weights that are given, by name, into the model."""
        for name, weight in self.model.named_parameters():
            if name in weights:
                weight.copy_(weights[name])

    def note(self, **values: float) -> None:
        """Add an entry to the curve, and to the log."""
        self.curve.append({"step": self.step, **{name: round(value, 5) for name, value in values.items()}})
        log.info("step %d: %s", self.step, ", ".join(f"{name} {value:.4g}" for name, value in values.items()))

    def save(self) -> None:
        """Write the checkpoint, whole or not at all; it replaces the one before."""
        with atomic_path(self.folder / "checkpoint") as temporary:
            temporary.mkdir()
            weights = {name: weight.detach().contiguous() for name, weight in self.model.named_parameters()}
            save_file(weights, temporary / "weights.safetensors")
            save_file({k: v.contiguous() for k, v in self.average.items()}, temporary / "average.safetensors")
            torch.save(self.optimizer.state_dict(), temporary / "optimizer.pt")
            write_json(temporary / "state.json", {"step": self.step, "curve": self.curve})
        write_json(self.folder / "curve.json", self.curve)

    def resume(self) -> None:
        """Take up the checkpoint, if there is one."""
        checkpoint = self.folder / "checkpoint"
        if not checkpoint.exists():
            return
        self.adopt(load_file(checkpoint / "weights.safetensors"))
        for name, weight in load_file(checkpoint / "average.safetensors").items():
            self.average[name].copy_(weight)
        self.optimizer.load_state_dict(torch.load(checkpoint / "optimizer.pt", weights_only=True))
        state = read_json(checkpoint / "state.json")
        self.step, self.curve = state["step"], state["curve"]
        log.info("going on from step %d", self.step)


def computing_device(settings: ComputingSettings) -> torch.device:
    """The device to pretrain on, with its number of threads set where it is a CPU, and made to repeat itself."""
    torch.set_num_threads(settings.threads)
    torch.backends.cudnn.deterministic = True
    return resolve_device(settings.device)


def autocast(settings: ComputingSettings, device: torch.device) -> torch.autocast:
    """Inside, a model computes in the precision that was asked for; weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.mixed_precision == "bf16")


def generator(seed: int, purpose: str, step: int) -> torch.Generator:
    """The random numbers of one purpose at one step, the same whenever it is reached."""
    return torch.Generator().manual_seed(derive(seed, purpose, step))


def prepared_ahead(prepare: Callable[[int], Item], steps: range, workers: int) -> Iterator[Item]:
    """What `prepare` makes for each of the steps, in order, made in threads while earlier steps are computed."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(prepare, step) for step in steps[: 2 * workers])
        for step in steps:
            yield waiting.popleft().result()
            if step + 2 * workers in steps:
                waiting.append(pool.submit(prepare, step + 2 * workers))


def annealed(step: int, steps: int, warmup: int, floor: float = 0.01) -> float:
    """Learning rate factor: a linear rise over `warmup` steps, times a half cosine from 1 to `floor` over `steps`."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1)))
    return min(1.0, (step + 1) / warmup) * (floor + (1 - floor) * cosine)
