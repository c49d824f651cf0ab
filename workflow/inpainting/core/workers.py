"""Processes that share work over many files."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@contextlib.contextmanager
def process_pool(workers: int, preload: str) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes, in each of which OpenCV keeps to one thread.

    `preload` names the module whose functions they are to run, so that it is imported once for all of them.

    On an exception, an interrupt included, what has not begun is dropped. Workers are not forked from this process, so
    they inherit no threads of it, and end when it is killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def map_prefetched(
    pool: Executor, function: Callable[[Job], Result], jobs: Iterable[Job], prefetch: int
) -> Iterator[Result]:
    """The results of the jobs, in order, of which at most `prefetch` are under way or waiting to be taken.

    A job is taken from `jobs`, which may make it then, when there is room for it.
    """
    remaining = iter(jobs)
    waiting: deque[Future[Result]] = deque(pool.submit(function, job) for job in islice(remaining, prefetch))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(function, job) for job in islice(remaining, 1))
        yield result


def _prepare() -> None:
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
