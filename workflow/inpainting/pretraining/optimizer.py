"""Muon for weight matrices and convolution kernels, AdamW for the rest.

Muon orthogonalises each update (Jordan et al., 2024; https://kellerjordan.github.io/posts/muon/); on these small models
it learned faster than AdamW in the same time. torch's Muon takes matrices only, so a kernel is offered to it as the
matrix [out, everything else], a view that shares the kernel's memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from inpainting.stages.training.combined_optimizer import Together

SMALLEST = 8
"""Weights with fewer rows or columns go to AdamW."""

ADAM_SHARE = 0.1
"""AdamW's learning rate as a share of Muon's."""


def as_matrix(weight: Tensor) -> Tensor:
    """A weight [out, ...] as a view [out, rest]; the order of the columns follows the memory layout."""
    if weight.ndim == 5 and weight.is_contiguous(memory_format=torch.channels_last_3d):
        weight = weight.permute(0, 2, 3, 4, 1)
    elif weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        weight = weight.permute(0, 2, 3, 1)
    return weight.view(weight.shape[0], -1)


def is_matrix(weight: Tensor) -> bool:
    """Whether Muon takes this weight."""
    return weight.ndim >= 2 and min(weight.shape[0], weight[0].numel()) >= SMALLEST


class Optimizer:
    """Both optimizers as one. A parameter without a gradient is left alone."""

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        parameters = list(parameters)
        on_gpu = parameters[0].device.type == "cuda"
        self.kernels = [parameter for parameter in parameters if is_matrix(parameter)]
        self.views = [nn.Parameter(as_matrix(kernel.detach())) for kernel in self.kernels]
        rest = [parameter for parameter in parameters if not is_matrix(parameter)]
        muon = torch.optim.Muon(self.views, lr=rate, weight_decay=0.0, momentum=0.95, nesterov=True)
        adam = torch.optim.AdamW(rest, lr=ADAM_SHARE * rate, betas=(0.9, 0.98), weight_decay=0.0, capturable=on_gpu)
        self.both = Together([muon, adam])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for kernel in self.kernels:
            kernel.grad = None
        self.both.zero_grad()

    def step(self) -> None:
        """Update the weights."""
        for kernel, view in zip(self.kernels, self.views, strict=True):
            view.grad = None if kernel.grad is None else as_matrix(_laid_out_as(kernel.grad, kernel))
        self.both.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of both, loadable with weights_only=True."""
        return self.both.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave."""
        self.both.load_state_dict(state)


def _laid_out_as(gradient: Tensor, kernel: Tensor) -> Tensor:
    return torch.empty_like(kernel).copy_(gradient)
