"""Everything that may go wrong while a stage is made, as functions that let it happen in a trial's run."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]
from fault_trials import STAGES, Ended, Trial, descendants

FAULTS: dict[str, Callable[[Trial], list[Ended]]] = {}
"""By name, in the words of the table; each returns the runs that have to say why they failed: not those it killed."""


def fault(name: str) -> Callable[[Callable[[Trial], list[Ended]]], Callable[[Trial], list[Ended]]]:
    """Register a fault."""

    def register(function: Callable[[Trial], list[Ended]]) -> Callable[[Trial], list[Ended]]:
        FAULTS[name] = function
        return function

    return register


@fault("a process of a job is killed")
def kill_a_process(trial: Trial) -> list[Ended]:
    run = trial.started()
    trial.wait_for_a_moment(run)
    if running := descendants(run):
        with contextlib.suppress(psutil.NoSuchProcess):
            trial.rng.choice(running).kill()
    trial.ended(run)
    return []


def _signal_all(trial: Trial, number: signal.Signals) -> list[Ended]:
    run = trial.started()
    trial.wait_for_a_moment(run)
    os.killpg(run.pid, number)
    trial.ended(run)
    return []


@fault("Snakemake and all jobs are killed")
def kill_the_tree(trial: Trial) -> list[Ended]:
    return _signal_all(trial, signal.SIGKILL)


@fault("Snakemake alone is killed, and started again while its jobs run")
def kill_snakemake(trial: Trial) -> list[Ended]:
    run = trial.started()
    trial.wait_for_a_moment(run)
    orphans = descendants(run)
    run.kill()
    run.wait()
    trial.unlock()
    again = trial.run()
    psutil.wait_procs(orphans)
    return [again]


@fault("SIGTERM to all")
def terminate(trial: Trial) -> list[Ended]:
    return _signal_all(trial, signal.SIGTERM)


def _small_disk(trial: Trial, space: float, inodes: float) -> Ended:
    """Run with results/ on a disk that has room for these shares of what the stage makes."""
    missing = [trial.finished / "results" / name for name in trial.reference.keys() - trial.before.keys()]
    there = list(trial.results.rglob("*"))
    pages = sum(-(-path.stat().st_size // 4096) for path in there if path.is_file()) + 8
    pages += round(space * sum(-(-path.stat().st_size // 4096) for path in missing))
    nodes = len(there) + 8 + round(inodes * len(missing))
    mounts = f"mkdir disk; mount -t tmpfs -o size={4 * pages}k,nr_inodes={nodes} tmpfs disk; cp -a results/. disk"
    return trial.run_with_mounts(f"{mounts}; mount --bind disk results")


@fault("the disk of results/ is full")
def fill_the_disk(trial: Trial) -> list[Ended]:
    return [_small_disk(trial, trial.rng.uniform(0, 1), 1000)]


@fault("the disk of results/ has no inodes left")
def use_up_inodes(trial: Trial) -> list[Ended]:
    return [_small_disk(trial, 1000, trial.rng.uniform(0, 1))]


@fault("results/ is read-only")
def make_read_only(trial: Trial) -> list[Ended]:
    return [trial.run_with_mounts("mount --bind results results; mount -o remount,bind,ro results")]


@fault("/dev/shm has no space")
def shrink_shared_memory(trial: Trial) -> list[Ended]:
    return [trial.run_with_mounts("mount -t tmpfs -o size=4k tmpfs /dev/shm")]


@fault("a file is cut off")
def truncate(trial: Trial) -> list[Ended]:
    path = trial.intermediate()
    with trial.putting_back(path):
        os.truncate(path, trial.rng.randrange(max(1, path.stat().st_size)))
        return [trial.run()]


@fault("a bit of a file is flipped")
def flip_a_bit(trial: Trial) -> list[Ended]:
    path = trial.intermediate()
    with trial.putting_back(path):
        content, times = bytearray(path.read_bytes()), path.stat()
        if content:
            content[trial.rng.randrange(len(content))] ^= 1 << trial.rng.randrange(8)
        path.write_bytes(content)
        if trial.rng.random() < 0.5:  # a disk that rots changes no times
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return [trial.run()]


@fault("a file is removed")
def remove(trial: Trial) -> list[Ended]:
    path = trial.intermediate()
    with trial.putting_back(path):
        path.unlink()
        return [trial.run()]


@fault("a frame of the dataset is removed")
def remove_a_frame(trial: Trial) -> list[Ended]:
    frame = trial.rng.choice(sorted((trial.folder / "sequences").rglob("*.png")))
    with trial.putting_back(frame):
        frame.unlink()
        return [trial.run()]


@fault("the clock jumps by up to a day")
def move_the_clock(trial: Trial) -> list[Ended]:
    before = {path: path.stat().st_mtime for path in sorted(trial.results.rglob("*")) if path.is_file()}
    for path, time_before in before.items():
        if trial.rng.random() < 0.5:
            os.utime(path, (time_before + trial.rng.uniform(-86400, 86400),) * 2)
    ended = trial.run()
    for path, time_before in before.items():
        if path.exists():
            os.utime(path, (time_before, time_before))
    return [ended]


@fault("two Snakemakes at once")
def run_twice_at_once(trial: Trial) -> list[Ended]:
    first = trial.started()
    time.sleep(trial.rng.uniform(0, 4))
    second = trial.started()
    return [trial.ended(first), trial.ended(second)]


@fault("a lock that a killed Snakemake left")
def leave_a_lock(trial: Trial) -> list[Ended]:
    run = trial.started()
    locks = trial.folder / ".snakemake" / "locks"
    while not any(locks.glob("*")) and run.poll() is None:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    trial.ended(run)
    return [trial.run()]


def stages_of(name: str) -> list[str]:
    """The stages in which a fault is tried; before the first, no file is intermediate, and the audit judges frames."""
    return [stage for stage in STAGES if stage != "dataset" or ("file" not in name and "frame" not in name)]
