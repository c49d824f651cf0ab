"""A real SLURM cluster of one node on this machine's loopback, without munge, systemd or a database."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ("slurmctld", "slurmd")
"""Debian's packages slurmctld and slurmd bring them; slurm-client brings sbatch, squeue and srun."""


def installed() -> bool:
    """Whether SLURM's daemons and clients are on this machine."""
    return all(shutil.which(name) for name in (*DAEMONS, "sbatch", "srun", "squeue", "sinfo"))


class Cluster:
    """Two partitions, `cpu` and `gpu`, on one node with two GPUs that are none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        for name in ("state", "spool", "bin"):
            (folder / name).mkdir(parents=True)
        self.conf.write_text(_configuration(folder, free_port(), free_port()))
        host = socket.gethostname().split(".")[0]
        devices = [f"NodeName={host} Name=gpu File={device}" for device in ("/dev/null", "/dev/zero")]
        (folder / "gres.conf").write_text("\n".join(devices) + "\n")
        self._wrap_srun()

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for SLURM's clients."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "SLURM_CONF": str(self.conf), "PATH": path}

    def start(self) -> None:
        """Start both daemons and wait until the node takes jobs; raises TimeoutError when it does not."""
        for daemon, options in zip(DAEMONS, (["-i"], []), strict=True):
            subprocess.run([daemon, "-f", str(self.conf), *options], check=True, env=self.environment)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            state = subprocess.run(
                ["sinfo", "-h", "-p", "cpu", "-o", "%t"],
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if state.stdout.strip() == "idle":
                return
            time.sleep(0.2)
        raise TimeoutError(f"SLURM did not come up; its logs are in {self.folder}")

    def stop(self) -> None:
        """End the daemons, which end what still runs."""
        for daemon in reversed(DAEMONS):
            pid_file = self.folder / f"{daemon}.pid"
            if pid_file.is_file() and (pid := pid_file.read_text().strip()):
                os.kill(int(pid), signal.SIGTERM)

    def _wrap_srun(self) -> None:
        """The plugin's job step drops SLURM_CONF before it calls srun, so srun gets it from here."""
        wrapper = self.folder / "bin" / "srun"
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {shutil.which("srun")} "$@"\n')
        wrapper.chmod(0o755)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _configuration(folder: Path, controller_port: int, node_port: int) -> str:
    host = socket.gethostname().split(".")[0]
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    settings = {
        "ClusterName": "test",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmUser": user,
        "SlurmdUser": user,
        "AuthType": "auth/none",
        "AuthInfo": "cred_expire=5",  # a job that is requeued waits for twice this time
        "CredType": "cred/none",
        "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
        "SlurmctldPort": controller_port,
        "SlurmdPort": node_port,
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": folder / "slurmd.log",
        "ProctrackType": "proctrack/linuxproc",
        "MpiDefault": "none",
        "SwitchType": "switch/none",
        "SchedulerParameters": "batch_sched_delay=0,sched_interval=1,bf_interval=1",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "AccountingStorageType": "accounting_storage/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "GresTypes": "gpu",
        "SlurmdParameters": "config_overrides",
        "ReturnToService": 2,
        "KillWait": 5,
        "MailProg": "/bin/true",
    }
    node = f"NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=32000 Gres=gpu:2 State=UNKNOWN"
    partitions = [
        f"PartitionName={name} Nodes={host} Default={default} MaxTime=2880 State=UP"
        for name, default in (("cpu", "YES"), ("gpu", "NO"))
    ]
    return "\n".join([*(f"{key}={value}" for key, value in settings.items()), node, *partitions]) + "\n"
