"""Time until the command line answers: `python benchmarks/command_line.py`.

CPU time of processes: `inpaint --help`, and a step's options with all checks, beside a Python that does nothing.
"""

import subprocess
import sys
from resource import RUSAGE_CHILDREN, getrusage

from rows import report, say

REPEATS = 7
INPAINT = ["-m", "inpainting.cli"]


def cpu_seconds(arguments: list[str]) -> float:
    """CPU seconds of a Python process."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and report."""
    lines = {"inpaint --help": ["--help"], "inpaint train --print-config": ["train", "--print-config"]}
    for name, words in lines.items():
        cpu_seconds([*INPAINT, *words])
        times = [(cpu_seconds([*INPAINT, *words]), cpu_seconds(["-c", "pass"])) for _ in range(REPEATS)]
        say(f"{name}: {min(ours for ours, _ in times):.3f} s of CPU at best")
        report(name, [ours / bare for ours, bare in times], "CPU time / that of `python -c pass`")


if __name__ == "__main__":
    main()
