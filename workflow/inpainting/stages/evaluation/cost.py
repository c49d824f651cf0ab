"""Cost of a method: run time and peak memory."""

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
    """Set when `measured` ends; peak_memory_gib is that of the CUDA device if one is used, else of the process."""

    seconds: float = 0.0
    peak_memory_gib: float = 0.0


@contextlib.contextmanager
def measured(on_device: bool) -> Iterator[Cost]:
    """Measure the code inside the context; on_device: whether it runs on a CUDA device."""
    cost = Cost()
    _reset_peak(on_device)
    start = perf_counter()
    yield cost
    cost.seconds = perf_counter() - start
    cost.peak_memory_gib = _peak(on_device) / GIB


def _reset_peak(on_device: bool) -> None:
    """Reset the peak; on systems that can't (not Linux), the peak is that since the start of the process."""
    if on_device:
        import torch

        torch.cuda.reset_peak_memory_stats()
    else:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak(on_device: bool) -> int:
    """Peak memory in bytes."""
    if on_device:
        import torch

        return int(torch.cuda.max_memory_allocated())
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
