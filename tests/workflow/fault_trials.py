"""One stage of a finished run is taken back and made again under a fault, then resumed, and compared with that run."""

import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil  # type: ignore[import-untyped]
from result_digests import result_digests
from snakemake_runs import snakemake

FOLDERS = ("dataset", "latents", "training", "validation", "evaluation", "tables", "figures")
"""The folders of results/, in the order in which the stages make them."""


@dataclass(frozen=True)
class Stage:
    """A stage: a file that has to be made, all that is made with it, as starts of names, and its longest job."""

    target: str
    made: tuple[str, ...]
    job: str

    @property
    def later(self) -> tuple[str, ...]:
        """Starts of the names that later stages make."""
        return tuple(f"{name}/" for name in FOLDERS[FOLDERS.index(self.target.split("/")[0]) + 1 :])


TABLES = tuple(f"tables/{name}." for name in ("comparison", "failures", "metrics", "repeats", "strata", "summary"))

STAGES = {
    "dataset": Stage("dataset/split.tsv", ("dataset/",), "inspect-0"),
    "latents": Stage(
        "latents/index-grey.parquet", ("latents/truth", "latents/condition", "latents/index-grey"), "encode-0"
    ),
    "training": Stage("training/one/training.json", ("training/one",), "train-one"),
    "validation": Stage("validation/one/best.json", ("validation/one",), "validate-one-2"),
    "evaluation": Stage("evaluation/one.parquet", ("evaluation/one",), "evaluate-one"),
    "tables": Stage("tables/summary.json", (*TABLES, "tables/sequences.tsv"), "tables"),
    "report": Stage("figures/examples.tsv", ("figures/examples",), "draw-examples"),
}
"""By the names of the stages; in each, a part that one or a few jobs make."""

IN_OWN_MOUNTS = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
"""Runs a command that may mount what it likes: the machine does not see it, and it is gone when the command ends."""


SENTENCE = re.compile(
    r"^inpaint [\w-]+: .|^Error: Directory cannot be locked|^(MissingInput|ProtectedOutput)Exception"
    r"|^tee: .*: No space left on device|^results/ can't be written"
    r"|^Output \S+ has older modification time .* than input",
    re.MULTILINE,
)
"""A clear error, of a step or of Snakemake."""


@dataclass(frozen=True)
class Ended:
    """A run of Snakemake that has ended. printed: by it and, with show-failed-logs, by the jobs that failed."""

    code: int
    printed: str


@dataclass
class Trial:
    """A copy of a finished project, in `folder`, without what one stage and all later ones made."""

    finished: Path
    folder: Path
    stage: str
    rng: random.Random
    reference: dict[str, str] = field(init=False)
    """Digests of what has to be there in the end."""
    before: dict[str, str] = field(init=False)
    """Digests of what earlier stages made, before the fault."""

    def __post_init__(self) -> None:
        made, later = STAGES[self.stage].made, STAGES[self.stage].later
        shutil.copytree(self.finished, self.folder)
        for path in sorted(self.results.rglob("*"), reverse=True):
            if path.relative_to(self.results).as_posix().startswith((*made, *later)):
                path.rmdir() if path.is_dir() else path.unlink()
        self.before = result_digests(self.results)
        whole = result_digests(self.finished / "results")
        self.reference = self.before | {name: whole[name] for name in whole if name.startswith(made)}

    @property
    def results(self) -> Path:
        """The folder of results."""
        return self.folder / "results"

    def started(self, *wrapper: str) -> subprocess.Popen[str]:
        """Snakemake making the stage, started by `wrapper` in a session of its own."""
        command = [*wrapper, *snakemake(self.folder, f"results/{STAGES[self.stage].target}")]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def ended(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for a run to end."""
        printed, _ = process.communicate(timeout=900)
        return Ended(process.returncode, printed)

    def run(self, *wrapper: str) -> Ended:
        """Run Snakemake to its end, whatever that is."""
        return self.ended(self.started(*wrapper))

    def run_with_mounts(self, mounts: str) -> Ended:
        """Run after shell commands that mount something; results/ is afterwards what it was in there."""
        script = f'set -e; {mounts}; set +e; "$@"; code=$?; cp -a results kept; exit $code'
        ended = self.run(*IN_OWN_MOUNTS, "sh", "-c", script, "sh")
        shutil.rmtree(self.results)
        (self.folder / "kept").rename(self.results)
        return ended

    def wait_for_a_moment(self, process: subprocess.Popen[str]) -> None:
        """Wait until the stage's longest job runs, and then for a random part of the time that it takes."""
        job = STAGES[self.stage].job
        benchmark = pd.read_csv(self.finished / "results" / "benchmarks" / f"{job}.tsv", sep="\t")
        log = self.results / "logs" / f"{job}.log"
        log.unlink(missing_ok=True)
        while not log.exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(self.rng.uniform(0, float(benchmark["s"][0])))

    def unlock(self) -> None:
        """Do what `snakemake --unlock` does."""
        shutil.rmtree(self.folder / ".snakemake" / "locks", ignore_errors=True)

    def intermediate(self) -> Path:
        """A random file of the dataset's stage or of the one before this, no image; the first stage has none."""
        own = FOLDERS.index(STAGES[self.stage].target.split("/")[0])
        folder = self.rng.choice([FOLDERS[0], FOLDERS[own - 1]])
        names = sorted(name for name in self.before if name.startswith(f"{folder}/") and not name.endswith(".png"))
        return self.results / self.rng.choice(names)

    @contextmanager
    def putting_back(self, path: Path) -> Iterator[None]:
        """Put a file back, with its times, at the end of this context."""
        content, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        yield
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=times)

    def wrong(self, kept: bool = False) -> list[str]:
        """Names of the files that are missing or not as in an undisturbed run; kept: of earlier stages' work alone.

        Of earlier stages, only latents and weights have to be there: before Snakemake repeats a job, as it does after
        damage to its input, it removes the job's tables, and makes them again when a job needs them.
        """
        now, expected = result_digests(self.results), self.before if kept else self.reference
        needed = {name for name in expected if name not in self.before or name.endswith((".safetensors", ".pt"))}
        return [name for name in expected if now.get(name) != expected[name] and (name in needed or name in now)]


def outcome(trial: Trial, ended: list[Ended]) -> str:
    """What became of a trial whose fault is over, after it was resumed; raises AssertionError if that is not good."""
    for run in ended:
        assert run.code == 0 or SENTENCE.search(run.printed), f"no clear error:\n{run.printed}"
        assert "Traceback" not in run.printed, run.printed
    through = bool(ended) and all(run.code == 0 for run in ended)
    if through:
        assert not trial.wrong(), f"ended well with other results: {trial.wrong()}"
        return "ran through"
    assert not trial.wrong(kept=True), f"lost work: {trial.wrong(kept=True)}"
    trial.unlock()
    resumed = trial.run()
    assert resumed.code == 0, f"was not resumed:\n{resumed.printed}"
    assert not trial.wrong(), f"resumed to other results: {trial.wrong()}"
    return "told, then resumed" if ended else "resumed"


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that a run started, itself excluded."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
