"""What 40,000 sequences cost Snakemake: `python benchmarks/graph.py`.

CPU time of `snakemake --dry-run` for 40,000 folders in 100 + 200 shards, divided by that for 40 folders in as many
shards: the graph holds shards and never sequences, so the aim is 1.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from rows import report, say

REPOSITORY = Path(__file__).parents[1]
REPEATS = 3
CONFIG = """
extends: {repository}/config/cogvideox-2b.yaml
experiments: {repository}/config/experiments.tsv
model: {{base: models/nano}}
dataset: {{root: {root}, audit: {{shards: 100}}}}
latents: {{shards: 100}}
"""


def dry_run(folder: Path) -> float:
    """CPU seconds of a dry run in a folder."""
    words = ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", "config.yaml", "--cores", "1"]
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "snakemake", *words, "--dry-run", "--quiet", "all"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and report."""
    with tempfile.TemporaryDirectory() as name:
        folders = []
        for sequences in (40, 40_000):
            folder = Path(name) / str(sequences)
            for number in range(sequences):
                (folder / "data" / f"{number:016x}").mkdir(parents=True)
            (folder / "config.yaml").write_text(CONFIG.format(repository=REPOSITORY, root=folder / "data"))
            folders.append(folder)
        times = [[dry_run(folder) for folder in folders] for _ in range(REPEATS)]
    say(f"40,000 sequences: {min(many for _, many in times):.1f} s of CPU at best (aim: 5)")
    report("snakemake -n", [many / few for few, many in times], "CPU time for 40,000 sequences / for 40 (aim: 1)")


if __name__ == "__main__":
    main()
