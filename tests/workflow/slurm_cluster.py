"""A real SLURM cluster of two nodes, both on this machine's loopback, without munge, systemd or a database."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

DAEMONS = ("slurmctld", "slurmd")
"""Debian's packages slurmctld and slurmd bring them; slurm-client brings sbatch, squeue and srun."""
NODES = ("node1", "node2")


def installed() -> bool:
    """Whether SLURM's daemons and clients are on this machine."""
    return all(shutil.which(name) for name in (*DAEMONS, "sbatch", "srun", "squeue", "sinfo"))


class Cluster:
    """Two partitions, `cpu` and `gpu`, of two nodes with two GPUs each that are none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        for name in ("state", "bin"):
            (folder / name).mkdir(parents=True)
        self.spool = Path(tempfile.mkdtemp(prefix="slurm-"))  # pytest's folders are too long for names of sockets
        self.conf.write_text(_configuration(folder, self.spool))
        devices = [f"NodeName={node} Name=gpu File=/dev/{device}" for node in NODES for device in ("null", "zero")]
        (folder / "gres.conf").write_text("\n".join(devices) + "\n")
        for client in ("srun", "squeue", "scontrol"):
            self._wrap(client)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for SLURM's clients."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "SLURM_CONF": str(self.conf), "PATH": path}

    def start(self) -> None:
        """Start all daemons and wait until both nodes take jobs; raises TimeoutError when they do not."""
        for daemon in (["slurmctld", "-i"], *(["slurmd", "-N", node] for node in NODES)):
            subprocess.run([*daemon, "-f", str(self.conf)], check=True, env=self.environment)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            state = subprocess.run(
                ["sinfo", "-h", "-p", "cpu", "-o", "%D %t"],
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if state.stdout.strip() == f"{len(NODES)} idle":
                return
            time.sleep(0.2)
        raise TimeoutError(f"SLURM did not come up; its logs are in {self.folder}")

    def stop(self) -> None:
        """End the daemons, which end what still runs."""
        for pid_file in sorted(self.folder.glob("*.pid"), reverse=True):
            if pid := pid_file.read_text().strip():
                os.kill(int(pid), signal.SIGTERM)
        shutil.rmtree(self.spool, ignore_errors=True)

    def _wrap(self, client: str) -> None:
        """The plugin's job step drops SLURM_CONF, so that its job's clients get it from here."""
        wrapper = self.folder / "bin" / client
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {shutil.which(client)} "$@"\n')
        wrapper.chmod(0o755)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _configuration(folder: Path, spool: Path) -> str:
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
        "SlurmctldPort": free_port(),
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": spool / "%n",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd-%n.pid",
        "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": folder / "slurmd-%n.log",
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
        "MinJobAge": 3600,  # so that a test can ask about all jobs of a long run
        "MailProg": "/bin/true",
    }
    nodes = [
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=16 RealMemory=32000 Gres=gpu:2"
        for name in NODES
    ]
    partitions = [
        f"PartitionName={name} Nodes={','.join(NODES)} Default={default} MaxTime=2880 State=UP"
        for name, default in (("cpu", "YES"), ("gpu", "NO"))
    ]
    return "\n".join([*(f"{key}={value}" for key, value in settings.items()), *nodes, *partitions]) + "\n"
