"""Work that a GPU repeats from a recording (a CUDA graph), since it would wait for a small model's many tiny kernels.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

UNRECORDED = 3
"""Calls before the recording: they make buffers and optimizer states, which then stay where they are."""


class Recorded:
    """A function of tensors, to be called with tensors of the same shapes every time.

    On a GPU all its work must be there, without a look at a result; the next call overwrites what it returned. On a CPU
    it is simply called.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]]) -> None:
        self.function = function
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []
        self.outputs: tuple[Tensor, ...] = ()

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the function returns for these inputs."""
        if inputs[0].device.type != "cuda":
            return self.function(*inputs)
        self.calls += 1
        if self.calls <= UNRECORDED:
            return self._aside(*inputs)
        if self.graph is None:
            self._record(inputs)
        assert self.graph is not None
        for place, given in zip(self.inputs, inputs, strict=True):
            place.copy_(given)
        self.graph.replay()
        return self.outputs

    def _aside(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Call the function on a stream of its own, as a recording needs of the calls before it."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            outputs = self.function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return outputs

    def _record(self, inputs: tuple[Tensor, ...]) -> None:
        self.inputs = [given.clone() for given in inputs]
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = self.function(*self.inputs)
