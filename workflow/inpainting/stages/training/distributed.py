"""One training on several processes of this machine: started together, told to stop together, ended together.

torchrun's place, with what it lacks: it ends by SIGUSR1 without a word to its processes, ends them 30 seconds after
SIGTERM, saved or not, and its exit code is 1 whatever theirs was, where the workflow has to know 75 from it.
"""

import gc
import logging
import os
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import torch
from torch.distributed import TCPStore

from inpainting.core.errors import Unfinished
from inpainting.stages.training.preemption import SIGNALS

log = logging.getLogger(__name__)

GOOD = (0, os.EX_TEMPFAIL)
"""Exit codes after which the other processes end by themselves."""
WORKER = "INPAINTING_WORKER"
"""Environment variable of the processes that are started here."""


def launch(command: Sequence[str], processes: int) -> int:
    """Run a command as processes 0 to `processes` - 1 of a group that torch.distributed finds; the exit code of all.

    SIGTERM and SIGUSR1 are passed on to each. Once one has failed the others, which may wait for it for ever, are
    killed, and its code is that of all: 128 and the signal's number where a signal ended it.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    workers = [
        subprocess.Popen(command, env=_environment(rank, processes, store.port), stdin=subprocess.PIPE)
        for rank in range(processes)
    ]
    try:
        with _passing_on(workers):
            return _outcome(workers)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def end_with_launcher() -> None:
    """End this process at once when the one that launched it is gone, even by SIGKILL; nothing where none has."""
    if WORKER in os.environ:
        threading.Thread(target=_await_launchers_end, daemon=True).start()


def _await_launchers_end() -> None:
    os.read(0, 1)  # the launcher writes nothing: this returns when it is gone, and its end of the pipe with it
    os._exit(1)


@contextmanager
def leaving_group() -> Iterator[None]:
    """Inside, the processes of a group work together; afterwards this one has left it, where it ended as it should.

    One that is still in it at its exit may be aborted, all its work done, by threads of gloo that are still running.
    Nothing of what used the group may be left by then, nor be held outside: a DistributedDataParallel that goes last
    takes the group with it, and waits, with Python's lock, for a thread of gloo's that may wait for that lock.
    """
    try:
        yield
    except (Unfinished, SystemExit) as ending:
        traceback.clear_frames(ending.__traceback__)
        _leave_group()
        raise
    _leave_group()


def _leave_group() -> None:
    if torch.distributed.is_initialized():
        gc.collect()
        torch.distributed.destroy_process_group()


def _environment(rank: int, processes: int, port: int) -> dict[str, str]:
    """What torch.distributed's env:// reads, and each process's share of the threads."""
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    ours = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": processes,
        "LOCAL_WORLD_SIZE": processes,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "TORCHELASTIC_USE_AGENT_STORE": True,  # the store is open here already, so no one else can take its port
        "OMP_NUM_THREADS": max(1, threads // processes),
        WORKER: 1,
    }
    return {**os.environ, **{name: str(value) for name, value in ours.items()}}


@contextmanager
def _passing_on(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    def pass_on(number: int, _: FrameType | None) -> None:
        for worker in workers:
            worker.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outcome(workers: Sequence[subprocess.Popen[bytes]]) -> int:
    """The first bad exit code, as soon as there is one, or the first one's when all have ended well."""
    while True:
        codes = [worker.poll() for worker in workers]
        for rank, code in enumerate(codes):
            if code is not None and code < 0:
                name = signal.Signals(-code).name
                log.error("process %d of %d was ended by %s; run it again to go on", rank, len(workers), name)
                return 128 - code
            if code is not None and code not in GOOD:
                return code
        if None not in codes:
            return codes[0] or 0
        time.sleep(0.1)
