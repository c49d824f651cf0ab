"""Reading the next step's batch while the current one is computed."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Items by number, asked for in order: each is made in a thread as soon as the one before it has been taken."""

    def __init__(self, make: Callable[[int], Item], last: int) -> None:
        self.make, self.last = make, last
        # One thread of arithmetic, too: a second team of torch's beside the step's would take the cores from it.
        self._pool = ThreadPoolExecutor(1, "read-ahead", torch.set_num_threads, (1,))
        self._waiting: tuple[int, Future[Item]] | None = None

    def take(self, number: int) -> Item:
        """The item of that number; an exception of its making is raised here."""
        waiting = self._waiting
        self._waiting = None
        current = waiting[1] if waiting and waiting[0] == number else self._pool.submit(self.make, number)
        if number < self.last:
            self._waiting = number + 1, self._pool.submit(self.make, number + 1)
        return current.result()

    def close(self) -> None:
        """Let go of what was made for nobody."""
        self._pool.shutdown(cancel_futures=True)
