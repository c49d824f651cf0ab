"""Process pools for work on many files."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from inpainting.core.errors import InputError

Job = TypeVar("Job")
Result = TypeVar("Result")


@contextlib.contextmanager
def process_pool(workers: int, preload: str) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes in which OpenCV uses one thread.

    preload: the module whose functions they run; it is imported once, in the fork server. On an exception or interrupt,
    jobs that have not started are cancelled. Workers are forked from a server, so they inherit no threads of this
    process; they exit when it is killed. Raises InputError if one of them is killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    try:
        yield executor
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process was killed, as happens when the machine's memory is full; finished work is kept, so run "
            "the same command again, with fewer --workers"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def map_prefetched(
    pool: Executor, function: Callable[[Job], Result], jobs: Iterable[Job], prefetch: int
) -> Iterator[Result]:
    """Yield the results of the jobs in order; at most `prefetch` are being computed or wait to be taken.

    `jobs` is read lazily, as earlier results are taken. A job's exception is raised where its result is taken.
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
