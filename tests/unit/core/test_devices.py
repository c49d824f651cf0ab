"""A GPU for each process, with an nvidia-smi that lists GPUs which are not here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from inpainting.core.devices import Gpu, list_gpus, visible_entries
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.stages.training.settings import FindRateCommand, TrainCommand

RESERVES = (
    "import logging, os, sys; from inpainting.core.devices import reserve\n"
    "logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
    "reserve(int(sys.argv[1])); reserve(int(sys.argv[1]))\n"
    "print(os.environ.get('CUDA_VISIBLE_DEVICES', 'not set'), flush=True); sys.stdin.read()"
)
WITH_MIG = """\
GPU 0: NVIDIA A100 80GB PCIe (UUID: GPU-aa)
  MIG 3g.40gb     Device  0: (UUID: MIG-a0)
  MIG 3g.40gb     Device  1: (UUID: MIG-a1)
GPU 1: NVIDIA A100 80GB PCIe (UUID: GPU-bb)
"""

Start = Callable[..., "Process"]


class Process:
    """A process that reserves GPUs and keeps them until it is ended."""

    def __init__(self, count: int, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("w") as stderr:
            self.popen = subprocess.Popen(
                [sys.executable, "-c", RESERVES, str(count)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def visible(self) -> str:
        """Its CUDA_VISIBLE_DEVICES, once it has reserved."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def waits(self) -> bool:
        return "waiting for" in self.log.read_text()

    def kill(self) -> None:
        os.kill(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output of nvidia-smi: four GPUs, GPU-0 to GPU-3, unless a test writes others."""
    listing = tmp_path / "gpus"
    listing.write_text("".join(f"GPU {index}: NVIDIA H100 (UUID: GPU-{index}{index})\n" for index in range(4)))
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec cat {listing}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    return listing


@pytest.fixture
def start(machine: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a process that reserves a number of GPUs, with further environment variables."""
    started: list[Process] = []

    def start(count: int = 1, **environment: str) -> Process:
        started.append(Process(count, {**os.environ, **environment}, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    for process in started:
        if process.popen.poll() is None:
            process.kill()


def test_processes_that_start_together_get_a_gpu_each_and_one_too_many_waits_until_one_is_killed(start: Start) -> None:
    first = [start() for _ in range(4)]
    taken = [process.visible() for process in first]
    assert sorted(taken) == ["GPU-00", "GPU-11", "GPU-22", "GPU-33"]
    fifth = start()
    wait_for(fifth.waits)
    first[2].kill()
    assert fifth.visible() == taken[2]


def test_processes_that_need_several_never_wait_for_each_other_for_ever(start: Start) -> None:
    single = start()
    taken = single.visible()
    both = [start(3), start(3)]
    wait_for(lambda: any(process.waits() for process in both))
    waiting = next(process for process in both if process.waits())
    having = next(process for process in both if process is not waiting)
    assert len({taken, *having.visible().split(",")}) == 4
    single.kill()
    having.kill()
    assert len(set(waiting.visible().split(","))) == 3


def test_four_encodings_and_a_training_by_four_processes_share_no_gpu(start: Start) -> None:
    encodings = [start() for _ in range(4)]
    assert len({process.visible() for process in encodings}) == 4
    training = start(4)
    wait_for(training.waits)
    for process in encodings:
        process.kill()
    assert len(set(training.visible().split(","))) == 4
    fifth = start()
    wait_for(fifth.waits)


def test_only_visible_devices_are_chosen_from_and_their_names_are_kept(start: Start) -> None:
    assert {start(CUDA_VISIBLE_DEVICES="1,GPU-3").visible() for _ in range(2)} == {"1", "GPU-3"}
    third = start(CUDA_VISIBLE_DEVICES="GPU-11,3")
    wait_for(third.waits)
    assert {start().visible() for _ in range(2)} == {"GPU-00", "GPU-22"}


def test_a_process_that_is_restricted_to_one_gpu_marks_it_and_never_waits(start: Start) -> None:
    assert [start(CUDA_VISIBLE_DEVICES="2").visible() for _ in range(2)] == ["2", "2"]
    assert sorted(start().visible() for _ in range(3)) == ["GPU-00", "GPU-11", "GPU-33"]


@pytest.mark.parametrize(
    ("count", "environment", "listing"),
    [
        (1, {"SLURM_JOB_ID": "7"}, None),
        (0, {}, None),
        (5, {}, None),
        (1, {}, "GPU 0: NVIDIA H100 (UUID: GPU-aa)\n"),
        (1, {}, ""),
    ],
    ids=["SLURM assigns them", "none is needed", "more are needed than there are", "there is one", "there is none"],
)
def test_nothing_is_changed_where_there_is_nothing_to_choose(
    count: int, environment: dict[str, str], listing: str | None, start: Start, machine: Path
) -> None:
    if listing is not None:
        machine.write_text(listing)
    assert [start(count, **environment).visible() for _ in range(2)] == ["not set"] * 2


def test_instances_of_mig_are_devices(start: Start, machine: Path) -> None:
    machine.write_text(WITH_MIG)
    assert {start().visible() for _ in range(3)} == {"MIG-a0", "MIG-a1", "GPU-bb"}


def test_entries_are_read_as_cuda_reads_them(machine: Path) -> None:
    machine.write_text(WITH_MIG)
    gpus = list_gpus()
    assert gpus == [Gpu("GPU-aa", ("MIG-a0", "MIG-a1")), Gpu("GPU-bb")]
    assert visible_entries(None, gpus) == {name: name for name in ("MIG-a0", "MIG-a1", "GPU-bb")}
    assert visible_entries("1, MIG-a1", gpus) == {"GPU-bb": "1", "MIG-a1": "MIG-a1"}
    assert visible_entries("0,GPU-b,1", gpus) == {"MIG-a0": "0", "GPU-bb": "GPU-b"}
    assert visible_entries("1,-1,0", gpus) == {"GPU-bb": "1"}
    assert visible_entries("", gpus) == visible_entries("NoDevFiles", gpus) == visible_entries("7", gpus) == {}


def test_without_nvidia_smi_the_device_files_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert list_gpus(tmp_path) == [Gpu("0"), Gpu("1")]


def test_a_command_waits_for_a_gpu_unless_it_computes_on_the_cpu(start: Start, tiny_base: Path, tmp_path: Path) -> None:
    first = [start() for _ in range(4)]
    assert all(process.visible() for process in first)
    assert main(commands.prompt(tiny_base, tmp_path / "cpu.safetensors", "--device", "cpu")) == 0
    on_gpu = [sys.executable, "-m", "inpainting.cli", *commands.prompt(tiny_base, tmp_path / "gpu.safetensors")]
    with subprocess.Popen(on_gpu, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "waiting for 1 of 4 GPUs" in process.stderr.readline()
        first[1].kill()
        assert "computes on GPU-" in process.communicate()[1]
        assert process.returncode == 0


def test_a_training_needs_a_gpu_for_each_process_and_its_processes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    files = {"index": Path("i"), "prompt_file": Path("p"), "out": Path("o")}
    assert TrainCommand(processes=4, **files).gpus_needed() == 4
    assert TrainCommand(processes=4, device="cpu", **files).gpus_needed() == 0
    assert TrainCommand(processes=4, dry_run=True, **files).gpus_needed() == 1
    assert FindRateCommand(processes=4, **files).gpus_needed() == 1
    for name, value in {"WORLD_SIZE": "4", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    assert TrainCommand(processes=4, **files).gpus_needed() == 0


def test_a_method_without_a_model_needs_no_gpu() -> None:
    files = {"dataset": Path("d"), "manifest": Path("m"), "split_file": Path("s"), "out": Path("o.parquet")}
    assert EvaluateCommand(method="telea", **files).gpus_needed() == 0
    assert EvaluateCommand(method="ceiling", **files).gpus_needed() == 1
