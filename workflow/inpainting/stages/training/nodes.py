"""One training on several machines of a SLURM job: srun starts a task on each, and every task starts its processes."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence

from torch.distributed import TCPStore

from inpainting.core.errors import UsageError
from inpainting.stages.training.distributed import EXPECTED_CODES, Group, launch
from inpainting.stages.training.preemption import SIGNALS

PORT = "INPAINTING_STORE_PORT"
"""Environment variable of the tasks: the port of the store on the machine where srun runs."""
ENDED = "ended"
"""Key in the store: how many tasks' processes have all ended."""


def is_task() -> bool:
    """Whether `run_on_nodes` started this process as the task of one machine."""
    return PORT in os.environ


def run_on_nodes(command: Sequence[str], nodes: int) -> int:
    """Run a command as a task on each of `nodes` machines of this SLURM job; return the highest exit code.

    SIGTERM, SIGUSR1 and SIGINT reach the tasks as SIGUSR1: for the others srun would end them before they have saved.
    Raises UsageError outside a SLURM job.
    """
    if "SLURM_JOB_ID" not in os.environ:
        raise UsageError(
            f"--nodes: {nodes} was given, but this is no SLURM job; run it with the SLURM profile, or start it under "
            "torchrun without --nodes"
        )
    store = TCPStore("0.0.0.0", 0, is_master=True, wait_for_workers=False)
    # Without a binding each task's processes share all of the job's cores on its machine.
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--cpu-bind=none"]
    srun.append("--kill-on-bad-exit=1")
    tasks = subprocess.Popen(
        [*srun, *command], env={**os.environ, PORT: str(store.port)}, stdin=subprocess.DEVNULL, start_new_session=True
    )
    before = {number: signal.signal(number, lambda *_: tasks.send_signal(signal.SIGUSR1)) for number in SIGNALS}
    try:
        return tasks.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def launch_share(command: Sequence[str], processes: int, nodes: int) -> int:
    """In the task of one machine, `launch` its share of a training's processes; returns when all tasks' have ended.

    A task that left earlier, stopped with its work saved, would have srun kill the others while they save.
    """
    share = processes // nodes
    address, port = os.environ["SLURM_LAUNCH_NODE_IPADDR"], int(os.environ[PORT])
    store = TCPStore(address, port, is_master=False, wait_for_workers=False)
    code = launch(command, share, Group(processes, address, port, first=share * int(os.environ["SLURM_PROCID"])))
    if code in EXPECTED_CODES:
        store.add(ENDED, 1)
        while store.add(ENDED, 0) < nodes:
            time.sleep(0.1)
    return code
