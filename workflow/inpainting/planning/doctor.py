"""`inpaint doctor`: check the machine and, with a configuration, what it names; one line per check."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from inpainting.config import PipelineConfig, resolve
from inpainting.core.disk import format_bytes, free_bytes
from inpainting.core.errors import InputError, UsageError
from inpainting.core.settings import read_values
from inpainting.models import bases
from inpainting.models.settings import InferenceSettings
from inpainting.models.shapes import read_base
from inpainting.planning.cards import Card
from inpainting.planning.disk import disk_rows
from inpainting.planning.host_memory import HostMemory
from inpainting.planning.memory import memory_rows
from inpainting.planning.settings import DoctorCommand
from inpainting.planning.work import count_work

PYTHON = (3, 11)
PINS = bases.PROJECT / "envs" / "requirements.txt"


class Finding(NamedTuple):
    """A check's line: what was checked, what was found, and what to do next, which is empty if all is well.

    needed: whether a run fails without it.
    """

    what: str
    found: str
    next: str = ""
    needed: bool = True


def doctor(settings: DoctorCommand) -> None:
    """Print a line per check; raises InputError if something is missing that a run needs."""
    missing = []
    for finding in checks(settings):
        sign = "ok" if not finding.next else "MISSING" if finding.needed else "note"
        print(f"{sign:8} {finding.what:14} {finding.found}{': ' if finding.next else ''}{finding.next}", flush=True)
        missing += [finding.what] if sign == "MISSING" else []
    if missing:
        raise InputError(f"a run would fail for want of: {', '.join(missing)}")


def checks(settings: DoctorCommand) -> Iterator[Finding]:
    """All findings. A configuration that is refused is a finding, and what it names is then not checked."""
    config = PipelineConfig(model=InferenceSettings(base=str(bases.PROJECT / InferenceSettings().base)))
    yield _python()
    yield _packages(PINS)
    if settings.configfile is not None:
        try:
            config = resolve(read_values(settings.configfile, "--configfile"), [settings.configfile.parent])
        except UsageError as error:
            yield Finding("configuration", f"refused ({error})", "correct it and run this again")
            settings = settings.model_copy(update={"configfile": None})
        else:
            yield Finding("configuration", str(settings.configfile))
    yield _gpu(needed=config.model.device == "cuda")
    yield _memory(config)
    yield _slurm()
    yield _base(config)
    if settings.configfile is None:
        yield Finding("disk", f"{format_bytes(free_bytes(settings.results))} free")
        return
    yield (dataset := _dataset(config))
    if not dataset.next:
        yield _disk(config, settings.results)
        if config.model.device != "cpu" and (total := _gpu_total()) is not None:
            yield _gpu_memory(config, total)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    older = sys.version_info < PYTHON
    return Finding("Python", found, "PYTHON=/path/to/python3.11 make setup" if older else "")


def _packages(pins: Path) -> Finding:
    """The installed packages against the pinned ones; a local version such as +cu126 counts as the same."""
    if not pins.is_file():
        return Finding("packages", f"{pins} does not exist", "install from a clone of the project", needed=False)
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", pins.read_text(encoding="utf-8"), re.MULTILINE))
    absent, others = [], []
    for name, version in pinned.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
        else:
            others += [f"{name} {found} instead of {version}"] if found.partition("+")[0] != version else []
    if absent:
        return Finding("packages", f"{len(absent)} of {len(pinned)} are absent ({', '.join(absent[:5])})", "make setup")
    if others:
        return Finding("packages", f"other versions than tested ({', '.join(others[:5])})", "make setup", needed=False)
    return Finding("packages", f"{len(pinned)} as pinned")


def _gpu(needed: bool) -> Finding:
    import torch

    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    listed = ""
    if shutil.which(command[0]):
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    if torch.cuda.is_available():
        names = "; ".join(listed.splitlines()) or torch.cuda.get_device_name()
        return Finding("GPU", f"{names}; PyTorch {torch.__version__}")
    if listed:
        found = f"{listed.splitlines()[0]}, which PyTorch {torch.__version__} does not see"
        return Finding("GPU", found, "install PyTorch's build for this driver's CUDA, see https://pytorch.org", needed)
    if needed:
        return Finding("GPU", "none", "use a machine with one, or give model.device: cpu, for models/nano alone")
    return Finding("GPU", "none", "models of CogVideoX-2b's size need one; models/nano runs on the CPU", needed=False)


def _memory(config: PipelineConfig) -> Finding:
    """Memory of the machine against what a job that loads the model asks for."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = 1e6 * HostMemory.of(config).model()
    return Finding(
        "memory", format_bytes(total), f"a job may use {format_bytes(needed)}" if total < needed else "", needed=False
    )


def _slurm() -> Finding:
    if shutil.which("sbatch") is None:
        return Finding("SLURM", "no sbatch", "only --workflow-profile workflow/profiles/slurm needs it", needed=False)
    version = subprocess.run(["sbatch", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return Finding("SLURM", version or "sbatch")


def _base(config: PipelineConfig) -> Finding:
    """The base's files; a hub base has to be complete in the local cache."""
    base = bases.find_folder(config.model.base) or config.model.base
    try:
        folder = bases.local_folder(base, "model.base", config.model.revision)
        bases.family(str(folder), "model.base")
    except UsageError as error:
        return Finding("base", str(error), "name another model.base")
    except InputError as error:
        found, _, command = str(error).partition("; ")
        return Finding("base", found, command)
    return Finding("base", str(folder))


def _dataset(config: PipelineConfig) -> Finding:
    if config.dataset.root is None:
        return Finding("dataset", f"none: {config.dataset.sample.sequences} sample sequences are made")
    folders = [path for path in Path(config.dataset.root).iterdir() if path.is_dir()]
    whole = sum(all((path / name).is_dir() for name in config.dataset.folders) for path in folders)
    found = f"{config.dataset.root}: {whole:,} of {len(folders):,} folders have {', '.join(config.dataset.folders)}"
    return Finding("dataset", found, "" if whole else "give the folder that holds one such folder per sequence")


def _gpu_total() -> int | None:
    """Bytes of the first GPU's memory, None where PyTorch sees no GPU."""
    import torch

    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None


def _gpu_memory(config: PipelineConfig, total: int) -> Finding:
    """A GPU's memory against what the plan counts for each stage."""
    base = read_base(config.model.base, config.model.revision)
    work = count_work(config, base.geometry, given=None, size=None)
    rows = memory_rows(config, base, work, Card("this GPU", peak_tflops=0.0, memory_gb=total / 1e9))
    most = max(rows, key=lambda row: row.total)
    found = f"{format_bytes(total)}, and {most.stage} takes up to {format_bytes(most.total)}, besides CUDA"
    helps = ". ".join(f"{row.stage}: {row.helps}" for row in rows if row.total > total)
    return Finding("GPU memory", found, helps, needed=False)


def _disk(config: PipelineConfig, results: Path) -> Finding:
    """Free space against what the whole run will write."""
    base = read_base(config.model.base, config.model.revision)
    work = count_work(config, base.geometry, given=None, size=None)
    needed, free = sum(row.bytes for row in disk_rows(config, base, work)), free_bytes(results)
    found = f"{format_bytes(free)} free, and the run writes up to {format_bytes(needed)}"
    return Finding("disk", found, "`inpaint plan` says which settings take less" if needed > free else "")
