"""Whether a launcher such as torchrun started this process as one of several of a training."""

import logging
import os
from collections.abc import Mapping, MutableMapping

from inpainting.core.errors import UsageError

log = logging.getLogger(__name__)

NEEDED = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR")
"""Environment variables that every launcher sets for every process."""
OTHERS = ("LOCAL_WORLD_SIZE", "MASTER_PORT", "GROUP_RANK", "NODE_RANK")
"""Further ones that torch.distributed and accelerate read."""


def is_worker(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is one of several already, started by `launch`, torchrun or another launcher.

    Images and clusters may preset some of the variables: all of NEEDED must be set, with a world size over 1 and a
    rank below it.
    """
    if any(not environment.get(name) for name in NEEDED):
        return False
    world_size, rank, local_rank = (environment[name] for name in NEEDED[:3])
    return (
        all(number.isdecimal() for number in (world_size, rank, local_rank))
        and int(local_rank) <= int(rank) < int(world_size) != 1
    )


def ignore_incomplete(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove a launcher's variables from the environment of a process that is no worker, and log which those were.

    torch.distributed would wait for processes that nobody started.
    """
    preset = [name for name in (*NEEDED, *OTHERS) if name in environment]
    if not preset or is_worker(environment):
        return
    values = " ".join(f"{name}={environment.pop(name)}" for name in preset)
    log.warning("ignored %s: no launcher of several processes set them, which sets %s", values, ", ".join(NEEDED))


def check_processes(processes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError if a launcher started this process as one of another number than `processes`, if over 1."""
    if processes > 1 and is_worker(environment) and int(environment["WORLD_SIZE"]) != processes:
        raise UsageError(
            f"--processes: {processes} was given, but a launcher started {environment['WORLD_SIZE']} (WORLD_SIZE); "
            "leave --processes out, or unset WORLD_SIZE"
        )
