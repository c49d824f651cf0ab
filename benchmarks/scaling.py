"""How long does Snakemake take to plan a run of many sequences, and with how much memory?

    .venv/bin/python benchmarks/scaling.py --sequences 40000

Makes a dataset of empty folders, and plans CogVideoX-2b's configuration on it with `snakemake --dry-run`. The jobs
depend on the number of shards, which grows with the sequences as in config/cogvideox-2b.yaml. Nothing is downloaded or
computed. Prints a row of the table in docs/scaling.md: sequences, jobs, seconds of CPU, seconds, MB. `--ratio` plans 40
sequences in as many shards, too: the graph holds shards and never sequences.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml
from rows import report

ROOT = Path(__file__).parents[1]
PER_INSPECTION, PER_LATENTS = 400, 200
"""Sequences in a shard of the audit, and in one of latents."""
REPEATS = 3


class Planned(NamedTuple):
    """What planning took: CPU time of all its processes, wall time, and the largest of these processes in KiB."""

    jobs: int
    cpu: float
    seconds: float
    memory: int


def plan(sequences: int, shards_for: int) -> Planned:
    """Plan a run of so many sequences, in the shards that `shards_for` sequences would have."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(sequences):
            (folder / "sequences" / f"{number:016x}").mkdir(parents=True)
        config = {
            "extends": str(ROOT / "config" / "cogvideox-2b.yaml"),
            "experiments": str(ROOT / "config" / "experiments.tsv"),
            "dataset": {"root": str(folder / "sequences"), "audit": {"shards": -(-shards_for // PER_INSPECTION)}},
            "latents": {"shards": -(-shards_for // PER_LATENTS)},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        options = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", ROOT / "workflow/profiles/slurm"]
        options += ["--directory", folder, "--configfile", folder / "config.yaml", "--dry-run", "--quiet", "rules"]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = [sys.executable, "-m", "snakemake", *map(str, options)]
        planned = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        seconds = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = re.search(r"^total +(\d+)", planned.stdout, re.MULTILINE)
    if planned.returncode or jobs is None:
        raise SystemExit(planned.stdout)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return Planned(int(jobs[1]), cpu, seconds, used.ru_maxrss)


def main() -> None:
    """Plan, and print a row of docs/scaling.md's table or one for `make bench`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=40_000)
    parser.add_argument("--ratio", action="store_true")
    options = parser.parse_args()
    many = options.sequences
    if options.ratio:
        ratios = [plan(many, many).cpu / plan(40, many).cpu for _ in range(REPEATS)]
        report("snakemake -n", ratios, f"CPU time for {many:,} sequences / for 40 in as many shards (aim: 1)")
    else:
        found = plan(many, many)
        print(f"| {many:,} | {found.jobs:,} | {found.cpu:.1f} | {found.seconds:.1f} | {found.memory / 1024:.0f} |")


if __name__ == "__main__":
    main()
