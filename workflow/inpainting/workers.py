"""Processes that share work over many files."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor


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
