"""One training on several processes of this machine: they start, are stopped and end together.

torchrun's library was tried instead: with signals_to_handle and shutdown_timeout, torch 2.13's passes signals on and
waits for processes to save. It needs about as much code around it (exit code 75, processes that outlive a killed
launcher, a closed log), and with it the test that stops and kills a run did not end within eight minutes.
"""

import gc
import logging
import os
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch
from torch import nn
from torch.distributed import TCPStore
from torch.nn.parallel import DistributedDataParallel

from inpainting.core.errors import Unfinished
from inpainting.stages.training.launcher import is_worker
from inpainting.stages.training.preemption import SIGNALS

log = logging.getLogger(__name__)

EXPECTED_CODES = (0, os.EX_TEMPFAIL)
"""Exit codes after which the other processes end by themselves."""
WORKER = "INPAINTING_WORKER"
"""Environment variable of the processes that `launch` starts."""
JOIN_SECONDS = 600.0
"""Time that the processes of another launcher have to find each other."""


@dataclass(frozen=True)
class Group:
    """A torch.distributed group with its store, of which this machine starts some processes, `first` the lowest."""

    processes: int
    address: str
    port: int
    first: int = 0


def launch(command: Sequence[str], processes: int, group: Group | None = None) -> int:
    """Run a command as `processes` processes of one torch.distributed group; return one exit code for all.

    They are the whole group, unless `group` is given. SIGTERM, SIGUSR1 and SIGINT are passed on to each process. When
    one fails, the others are killed, since they may wait for it for ever, and its code is returned: 128 and the
    signal's number if a signal ended it, but 75 if that was passed on: the process was still starting, or done.
    """
    if group is None:
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        group = Group(processes, "127.0.0.1", store.port)
    workers = [
        subprocess.Popen(command, env=_environment(rank, processes, group), stdin=subprocess.PIPE)
        for rank in range(processes)
    ]
    try:
        with _passing_signals_on(workers) as passed_on:
            return _outcome(workers, passed_on)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def end_with_launcher() -> None:
    """End this process as soon as its launcher is gone, even by SIGKILL; does nothing if it was not launched."""
    if WORKER in os.environ:
        threading.Thread(target=_await_end_of_launcher, daemon=True).start()


def _await_end_of_launcher() -> None:
    os.read(0, 1)  # the launcher writes nothing, so this returns when its end of the pipe is closed
    os._exit(1)


@contextmanager
def joining_group() -> Iterator[None]:
    """Within this context, the process joins the group of another launcher; it ends with code 1 if nobody else does.

    Which launcher that is, and whether there is one, is known from environment variables alone, which may be leftovers.
    """
    if WORKER in os.environ or not is_worker():
        yield
        return
    rank, processes, address = (os.environ[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"))
    group = f"the other {int(processes) - 1} of {processes} processes at {address} (RANK={rank} WORLD_SIZE={processes})"
    log.info("waits for %s", group)
    giving_up = threading.Timer(JOIN_SECONDS, _give_up, [group])
    giving_up.daemon = True
    giving_up.start()
    try:
        yield
    finally:
        giving_up.cancel()


def _give_up(group: str) -> None:
    waited = f"waited {JOIN_SECONDS / 60:.0f} minutes for {group}, which did not come"
    log.error("%s; start them, or unset RANK and WORLD_SIZE if no launcher started this process", waited)
    os._exit(1)


@contextmanager
def leaving_group() -> Iterator[None]:
    """Leave the process group on exit from this context, unless an error ends the process.

    A process that exits while still in the group may be aborted by gloo's threads although its work is done. Nothing
    that used the group may be alive when it is left: a DistributedDataParallel that is freed last destroys the group
    while it holds Python's lock, and waits for a gloo thread that may wait for that lock.
    """
    try:
        yield
    except (Unfinished, SystemExit) as ending:
        traceback.clear_frames(ending.__traceback__)
        _leave_group()
        raise
    _leave_group()


def keep_frozen_weights(model: nn.Module) -> None:
    """Have DDP leave the frozen weights alone: all processes have loaded the same, and may hold them in other ways."""
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, frozen)


def _leave_group() -> None:
    if torch.distributed.is_initialized():
        gc.collect()
        torch.distributed.destroy_process_group()


def _environment(local_rank: int, processes: int, group: Group) -> dict[str, str]:
    """The variables that torch.distributed's env:// reads, and each process's share of the threads."""
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    variables = {
        "RANK": group.first + local_rank,
        "LOCAL_RANK": local_rank,
        "WORLD_SIZE": group.processes,
        "LOCAL_WORLD_SIZE": processes,
        "MASTER_ADDR": group.address,
        "MASTER_PORT": group.port,
        "TORCHELASTIC_USE_AGENT_STORE": True,  # the launcher's store, whose port no one else can take
        "OMP_NUM_THREADS": max(1, threads // processes),
        WORKER: 1,
    }
    return {**os.environ, **{name: str(value) for name, value in variables.items()}}


@contextmanager
def _passing_signals_on(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[set[int]]:
    """Within this context, signals are passed on; yields the numbers of those that were."""
    passed_on: set[int] = set()

    def pass_on(number: int, _: FrameType | None) -> None:
        passed_on.add(number)
        for worker in workers:
            worker.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        yield passed_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outcome(workers: Sequence[subprocess.Popen[bytes]], passed_on: Collection[int]) -> int:
    """The first unexpected exit code, as soon as there is one, else process 0's when all have ended."""
    while True:
        codes = [worker.poll() for worker in workers]
        for rank, code in enumerate(codes):
            if code is not None and code < 0:
                name = signal.Signals(-code).name
                log.error("process %d of %d was ended by %s; run the command again to resume", rank, len(workers), name)
                return os.EX_TEMPFAIL if -code in passed_on else 128 - code
            if code is not None and code not in EXPECTED_CODES:
                return code
        if None not in codes:
            return codes[0] or 0
        time.sleep(0.1)
