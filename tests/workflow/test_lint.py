"""What `snakemake --lint` says of the workflow."""

import re
import subprocess
import sys

from snakemake_runs import ROOT

BY_DESIGN = {"Specify a conda environment or container for each rule."}
"""The Snakefile imports the package, so Snakemake runs in the environment of its jobs, which is one for all rules."""


def test_lint_finds_only_what_is_by_design() -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lints = re.findall(r"^    \* (.*?):\n", done.stderr, re.MULTILINE)
    assert lints, done.stderr  # the linter ran
    assert set(lints) <= BY_DESIGN, done.stderr
