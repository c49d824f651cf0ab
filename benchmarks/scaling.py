"""How long does Snakemake take to plan a run of many sequences, and with how much memory?

    .venv/bin/python benchmarks/scaling.py --sequences 40000

Makes a dataset of empty folders, and plans CogVideoX-2b's configuration on it with `snakemake --dry-run`. The jobs
depend on the number of shards, which grows with the sequences as in config/cogvideox-2b.yaml. Nothing is downloaded or
computed. Prints a row of the table in docs/scaling.md: sequences, jobs, seconds of CPU, seconds, MB.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PER_INSPECTION, PER_LATENTS = 400, 200
"""Sequences in a shard of the audit, and in one of latents."""


def main() -> None:
    """Plan and print a row of docs/scaling.md's table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=40_000)
    sequences = parser.parse_args().sequences
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(sequences):
            (folder / "sequences" / f"{number:016x}").mkdir(parents=True)
        config = {
            "extends": str(ROOT / "config" / "cogvideox-2b.yaml"),
            "experiments": str(ROOT / "config" / "experiments.tsv"),
            "dataset": {"root": str(folder / "sequences"), "audit": {"shards": -(-sequences // PER_INSPECTION)}},
            "latents": {"shards": -(-sequences // PER_LATENTS)},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        options = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", ROOT / "workflow/profiles/slurm"]
        options += ["--directory", folder, "--configfile", folder / "config.yaml", "--dry-run", "--quiet", "rules"]
        start = time.monotonic()
        command = [sys.executable, "-m", "snakemake", *map(str, options)]
        planned = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        seconds = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = re.search(r"^total +(\d+)", planned.stdout, re.MULTILINE)
    if planned.returncode or jobs is None:
        raise SystemExit(planned.stdout)
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(f"| {sequences:,} | {int(jobs[1]):,} | {cpu:.1f} | {seconds:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
