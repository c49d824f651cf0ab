"""Progress of long work as log lines: items done, rate, remaining time.

A rule's log is a file, in which a progress bar such as tqdm's, which redraws its line, would leave one line per update.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")
log = logging.getLogger(__name__)


def duration(seconds: float) -> str:
    """Seconds as text: `45 s`, `12 min 05 s`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """Counts finished items and logs a line every `every` seconds and at the end; `done` items were finished before."""

    def __init__(self, what: str, unit: str, total: int, done: int = 0, every: float = 10.0) -> None:
        self.what, self.unit, self.total, self.done, self.every = what, unit, total, done, every
        self._first = done
        self._start = self._shown = time.monotonic()

    def step(self, count: int = 1, note: str = "") -> None:
        """Count `count` more finished items; `note` is appended if a line is logged."""
        self.done += count
        now = time.monotonic()
        if now - self._shown >= self.every or self.done == self.total:
            self._shown = now
            seconds = max(now - self._start, 1e-9)
            rate = (self.done - self._first) / seconds
            left = "done in " + duration(seconds)
            if self.done < self.total:
                left = duration((self.total - self.done) / rate) + " left"
            log.info("%s: %d of %d %s, %.3g/s, %s%s", self.what, self.done, self.total, self.unit, rate, left, note)


def tracked(items: Iterable[Item], what: str, unit: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and log progress; `total`: their number, needed if `items` has no length."""
    if total is None:
        assert isinstance(items, Sized)
        total = len(items)
    progress = Progress(what, unit, total)
    for item in items:
        yield item
        progress.step()
