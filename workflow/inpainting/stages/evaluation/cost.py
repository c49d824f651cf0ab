"""What a method costs: seconds, and memory at its peak."""

import contextlib
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

GIB = 2**30


@dataclass
class Cost:
    """Filled when `measured` ends; peak_memory_gib is of the device where one is used, else of the process."""

    seconds: float = 0.0
    peak_memory_gib: float = 0.0


@contextlib.contextmanager
def measured(on_device: bool) -> Iterator[Cost]:
    """Measure what happens inside; `on_device` says whether a CUDA device does the work."""
    cost = Cost()
    _begin(on_device)
    start = perf_counter()
    yield cost
    cost.seconds = perf_counter() - start
    cost.peak_memory_gib = _peak(on_device) / GIB


def _begin(on_device: bool) -> None:
    """Forget earlier peaks, where the system can: elsewhere the peak is the process's since its start."""
    if on_device:
        import torch

        torch.cuda.reset_peak_memory_stats()
    else:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak(on_device: bool) -> int:
    """Bytes at the peak."""
    if on_device:
        import torch

        return int(torch.cuda.max_memory_allocated())
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
