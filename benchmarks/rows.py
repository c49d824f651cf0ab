"""How benchmarks report: a row per promise, with the ratio of ours to a real peer over several repeats.

A script prints its rows on its standard output, tab-separated, and everything else on its standard error; `all.py`
collects the rows of all scripts.
"""

import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import process_time
from typing import NamedTuple


class Row(NamedTuple):
    """name: of the promise; ratio: the median over the repeats; lowest, highest: their range; what: of what to what."""

    name: str
    ratio: float
    lowest: float
    highest: float
    what: str


def report(name: str, ratios: Sequence[float], what: str) -> None:
    """Print a row. ratios: one per repeat; what: which figure is divided by which."""
    print(name, median(ratios), min(ratios), max(ratios), what, sep="\t", flush=True)


def read(output: str) -> list[Row]:
    """The rows that a script printed."""
    rows = []
    for line in output.splitlines():
        name, ratio, lowest, highest, what = line.split("\t")
        rows.append(Row(name, float(ratio), float(lowest), float(highest), what))
    return rows


def say(*words: object) -> None:
    """Print to the standard error."""
    print(*words, file=sys.stderr, flush=True)


def take_turns(repeats: int, *works: Callable[[], object]) -> list[list[float]]:
    """By function, its CPU seconds in each repeat, after one warm-up call.

    They take turns, so that other work on the machine affects all alike.
    """
    for work in works:
        work()
    rounds = [[_cpu_seconds(work) for work in works] for _ in range(repeats)]
    return [list(times) for times in zip(*rounds, strict=True)]


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start
