"""Every speed promise, each by its script, in one table: `make bench`, or `python benchmarks/all.py [NAME ...]`.

Prints the table as Markdown. Ratios are of CPU time where a row does not say otherwise, so that other work on the
machine matters little. NAME: of scripts, to run only these.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from time import monotonic

import torch
from rows import Row, read, say

HERE = Path(__file__).parent

SCRIPTS = {
    "audit": [],
    "encode": ["--frames", "9", "--repeats", "2"],
    "sampling": [],
    "train_step": ["10"],
    "inference": [],
    "evaluation": ["3"],
    "command_line": [],
    "scaling": ["--ratio"],
}
"""The scripts and their arguments."""


def run(name: str) -> list[Row]:
    """The rows of one script, which runs on one thread; a script that fails is an error."""
    say(f"{name} ...")
    begin = monotonic()
    paths = os.pathsep.join([str(HERE.parent / "workflow"), str(HERE)])
    found = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *SCRIPTS[name]],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    say(f"{name}: {monotonic() - begin:.0f} s")
    return read(found.stdout)


def table(rows: Iterable[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| promise | ratio | lowest to highest | of what |", "|---|---:|---:|---|"]
    for row in rows:
        lines.append(f"| {row.name} | {row.ratio:.3g} | {row.lowest:.3g} to {row.highest:.3g} | {row.what} |")
    return "\n".join(lines)


def machine() -> str:
    """Processor, system and versions, in a sentence."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    versions = f"Python {platform.python_version()}, PyTorch {torch.__version__}"
    return f"{date.today()}: {processor}, {os.cpu_count()} cores; {versions}"


def main() -> None:
    """Run the scripts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*SCRIPTS, []], metavar="NAME")
    names = parser.parse_args().names or list(SCRIPTS)
    load = os.getloadavg()[0]
    rows = [row for name in names for row in run(name)]
    print(f"{machine()}; load before: {load:.1f}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
