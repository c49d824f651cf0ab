"""One training on several machines of a SLURM job: srun starts a task on each, and every task starts its processes."""

import logging
import os
import signal
import subprocess
from collections.abc import Sequence

from torch.distributed import TCPStore

from inpainting.core.errors import UsageError
from inpainting.stages.training.distributed import EXPECTED_CODES, Group, launch
from inpainting.stages.training.preemption import SIGNALS

log = logging.getLogger(__name__)

PORT = "INPAINTING_STORE_PORT"
"""Environment variable of the tasks: the port of the store on the machine where srun runs."""
CODE = "code"
"""Key in the store: exit code of the tasks whose processes have ended as they should; the same for all."""


def is_task() -> bool:
    """Whether `run_on_nodes` started this process as the task of one machine."""
    return PORT in os.environ


def run_on_nodes(command: Sequence[str], nodes: int) -> int:
    """Run a command as a task on each of `nodes` machines of this SLURM job; return their exit code, the highest.

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
    srun += ["--kill-on-bad-exit=1", "--wait=0"]
    tasks = subprocess.Popen(
        [*srun, *command], env={**os.environ, PORT: str(store.port)}, stdin=subprocess.DEVNULL, start_new_session=True
    )
    before = {number: signal.signal(number, lambda *_: tasks.send_signal(signal.SIGUSR1)) for number in SIGNALS}
    try:
        code = tasks.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code:
        ended = f"the training ended with code {code} on one of its {nodes} machines"
        log.error("%s: the first error above says why; run the same command again to resume", ended)
    return code or int(store.get(CODE))


def launch_share(command: Sequence[str], processes: int, nodes: int) -> int:
    """In the task of one machine, `launch` its share of a training's processes.

    The exit code of a training that is stopped with its work saved goes into the store, and the task ends with 0:
    at any other, srun kills the tasks that have not ended yet, and the job has their code, which is that of a failure.
    """
    share = processes // nodes
    address, port = os.environ["SLURM_LAUNCH_NODE_IPADDR"], int(os.environ[PORT])
    code = launch(command, share, Group(processes, address, port, first=share * int(os.environ["SLURM_PROCID"])))
    if code not in EXPECTED_CODES:
        return code
    TCPStore(address, port, is_master=False, wait_for_workers=False).set(CODE, str(code))
    return 0
